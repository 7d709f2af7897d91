/** FLV carries only these of the codecs that cameras send, as Adobe specified it and as FFmpeg 5 writes it. */
const VIDEO_CODEC = 'h264';
const AUDIO_CODEC = 'aac';

/** Why RTMP cannot carry this video codec (named as in libav), as a sentence. Undefined: it can. */
export function whyNotCarried(codecName: string): string | undefined {
  if (codecName === VIDEO_CODEC) return undefined;
  const name = codecName === 'hevc' ? 'HEVC' : codecName;
  return (
    `RTMP carries H.264, but this camera sends ${name}. Enhanced RTMP is not supported. Set the camera to H.264, or use ` +
    'another of its streams that is H.264.'
  );
}

/** Why RTMP cannot carry this audio codec, as a sentence; the video is then sent without audio. Undefined: RTMP can carry it. */
export function whyAudioIsNotCarried(codecName: string): string | undefined {
  return codecName === AUDIO_CODEC ? undefined : `Audio is not sent: RTMP carries AAC, but not ${codecName}.`;
}
