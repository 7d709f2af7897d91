import type { Camera } from '../cameras/types.js';
import { videoCodecOf } from '../cameras/status/video-codec.js';
import { VideoCodec } from '../gen/chrys/cloud/videostreaming/v1beta1/video_streaming.js';
import { isKeyOfAnother } from './keys.js';
import type { CameraRow } from './messages.js';

/** The state of a camera for programs on other machines. `withCodec`: whether the codec is included; it is published with frames. */
export function cameraRow({ definition, state, stats, stream }: Camera, withCodec: boolean): CameraRow {
  const { name } = definition;
  const json = JSON.stringify({
    phase: state.phase,
    reason: state.reason ?? null,
    message: state.message,
    since: state.sinceMs,
    last_packet: stats.lastPacketMs === 0 ? null : stats.lastPacketMs,
    fps: stats.fps,
    width: stream?.width ?? 0,
    height: stream?.height ?? 0,
    codec: stream?.codecName ?? null,
  });
  const hasCodec = withCodec && stream !== undefined && !isKeyOfAnother(name);
  return { camera: name, json, codec: hasCodec ? VideoCodec.encode(videoCodecOf(stream)).finish() : undefined };
}
