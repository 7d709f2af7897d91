import { VideoCodec } from '../../gen/chrys/cloud/videostreaming/v1beta1/video_streaming.js';
import type { StreamInfo } from '../../native/types.js';

export function videoCodecOf(stream: StreamInfo): VideoCodec {
  const extradata = Buffer.from(stream.extradata);
  return VideoCodec.fromPartial({
    name: stream.codecName,
    longName: stream.codecLongName,
    width: stream.width,
    height: stream.height,
    pixFmt: stream.pixelFormat,
    extradata,
    extradataSize: extradata.length,
  });
}
