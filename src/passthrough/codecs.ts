/** FLV, as Adobe specified it and FFmpeg 5 writes it, carries no other codec that cameras send. */
const VIDEO_CODEC = 'h264';
const AUDIO_CODEC = 'aac';

/** Why RTMP cannot carry this video codec (named as in libav), as a sentence. Undefined: it can. */
export function whyNotCarried(codecName: string): string | undefined {
  if (codecName === VIDEO_CODEC) return undefined;
  const name = codecName === 'hevc' ? 'HEVC' : codecName;
  return (
    `RTMP carries H.264, but this camera sends ${name}. Enhanced RTMP is not supported. Set the camera to H.264, or use ` +
    'one of its streams that is H.264.'
  );
}

/** Why RTMP cannot carry this audio codec, as a sentence. Undefined: it can. The video is sent without audio then. */
export function whyAudioIsNotCarried(codecName: string): string | undefined {
  return codecName === AUDIO_CODEC ? undefined : `Audio is not sent: RTMP carries AAC, but not ${codecName}.`;
}
