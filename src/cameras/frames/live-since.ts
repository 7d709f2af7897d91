import { CONTROL } from '../../gen/ring-layout.js';
import type { Control } from '../../rings/control.js';
import type { FrameOptions } from '../types.js';

const UNKNOWN_FRAME_INTERVAL_MS = 40;
const UNKNOWN_GOP_PACKETS = 250;
/** A frame up to this age is always live. */
const LIVE_MS = 500;

export function frameIntervalMs(control: Control): number {
  const fpsMilli = control.getI32(CONTROL.fpsMilliI32);
  return fpsMilli > 0 ? 1e6 / fpsMilli : UNKNOWN_FRAME_INTERVAL_MS;
}

/**
 * The minimum arrival time of a live frame, milliseconds since the epoch. The frame ring keeps the frames that were decoded
 * last, and these are old when no caller came for a while or the camera is away. A frame is live while it is about as new as
 * the camera's newest packet. A keyframe, or a frame at an interval, is live until the next one is overdue. Any thread.
 */
export function liveSinceMs(
  control: Control,
  { keyframesOnly, intervalMs }: Pick<FrameOptions, 'keyframesOnly' | 'intervalMs'>,
  nowMs: number,
): number {
  const connected = control.getI32(CONTROL.connectedI32) === 1;
  const newestMs = connected ? control.getI64(CONTROL.lastPacketMsI64) : nowMs;
  const frameMs = frameIntervalMs(control);
  const gopPackets = control.getI32(CONTROL.gopPacketsI32);
  const gopMs = (gopPackets > 0 ? gopPackets : UNKNOWN_GOP_PACKETS) * frameMs;
  let periodMs = 2 * frameMs;
  if (keyframesOnly) periodMs = gopMs;
  else if (intervalMs > 0) periodMs = intervalMs + Math.min(gopMs, intervalMs);
  const decoderDelayMs = control.getI32(CONTROL.decoderDelayI32) * frameMs;
  return newestMs - Math.max(LIVE_MS, 1.5 * periodMs + decoderDelayMs);
}
