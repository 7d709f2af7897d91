import { ChrysError } from '../base/errors.js';
import { STATUS_OF_PHASE } from '../cameras/status/container-status.js';
import type { Camera } from '../cameras/types.js';
import { bufferExtentOf } from '../cameras/status/buffer-extent.js';
import { videoCodecOf } from '../cameras/status/video-codec.js';
import {
  ListStream,
  type VideoBuffer,
  VideoProbeResponse,
} from '../gen/chrys/cloud/videostreaming/v1beta1/video_streaming.js';
import type { NativeAddon } from '../native/types.js';

export function listStreamOf(camera: Camera): ListStream {
  const { phase, failingStreak, message } = camera.state;
  const status = STATUS_OF_PHASE[phase];
  return ListStream.fromPartial({
    name: camera.definition.name,
    status,
    failingStreak,
    healthStatus: phase === 'running' ? 'healthy' : 'unhealthy',
    dead: status === 'dead',
    pid: process.pid,
    running: status === 'running',
    restarting: status === 'restarting',
    error: message,
  });
}

/** Throws unavailable until the camera has connected once. */
export function probeOf(camera: Camera, packetSums: NativeAddon['packetSums']): VideoProbeResponse {
  const { stream, state, definition } = camera;
  if (stream === undefined) {
    throw new ChrysError(
      'unavailable',
      `Camera ${definition.name} has not been connected yet (${state.phase}), so its codec is not known${state.message === '' ? '.' : `: ${state.message}`}`,
    );
  }
  return VideoProbeResponse.fromPartial({
    videoCodec: videoCodecOf(stream),
    buffer: bufferOf(camera, packetSums),
  });
}

function bufferOf(camera: Camera, packetSums: NativeAddon['packetSums']): VideoBuffer {
  const { startMs, endMs, fps, frames, keyframes, bytes, limited } = bufferExtentOf(camera.packets, packetSums);
  return {
    startTime: startMs,
    endTime: endMs,
    durationSeconds: Math.round((endMs - startMs) / 1000),
    approximateFps: Math.round(fps),
    frames,
    keyframes,
    bytes,
    limited,
  };
}
