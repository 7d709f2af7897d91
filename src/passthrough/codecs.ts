/** FLV as Adobe specified it, and as FFmpeg 5 writes it, has no other codec that cameras send. */
const CARRIED = 'h264';
const CARRIED_AUDIO = 'aac';

/** Why RTMP cannot carry that codec (libav's name), as a sentence; undefined: it can. */
export function whyNotCarried(codecName: string): string | undefined {
  if (codecName === CARRIED) return undefined;
  const name = codecName === 'hevc' ? 'HEVC' : codecName;
  return (
    `RTMP carries H.264, and this camera sends ${name}: that needs a server with enhanced RTMP, to which this version ` +
    'cannot send. Set the camera to H.264, or use a stream of it that is H.264.'
  );
}

/** The same for audio, without which the stream is passed on. */
export function whyAudioIsNotCarried(codecName: string): string | undefined {
  return codecName === CARRIED_AUDIO ? undefined : `Audio is not passed on: RTMP carries AAC, and not ${codecName}.`;
}
