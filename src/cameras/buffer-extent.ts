import { CONTROL } from '../gen/ring-layout.js';
import type { NativeAddon } from '../native/types.js';
import { Control } from '../rings/control.js';
import type { PacketBuffer } from './types.js';

/** What a camera's memory can give back. */
export interface BufferExtent {
  /** Arrival of the oldest and the newest frame, milliseconds since the epoch; 0 = there is none. */
  readonly startMs: number;
  readonly endMs: number;
  /** Of the newest connection, from its timestamps; 0 = not known. */
  readonly fps: number;
  readonly frames: number;
  readonly keyframes: number;
  /** Of compressed video. */
  readonly bytes: number;
  /** The byte budget keeps fewer frames than are wished for. */
  readonly limited: boolean;
}

export function bufferExtentOf({ ring, control }: PacketBuffer, packetSums: NativeAddon['packetSums']): BufferExtent {
  const limited = new Control(control).getI32(CONTROL.bufferLimitedI32) !== 0;
  if (ring === undefined) return { startMs: 0, endMs: 0, fps: 0, frames: 0, keyframes: 0, bytes: 0, limited };
  const { oldestUs, newestUs, newestFrames, newestSeconds, ...counts } = packetSums(new Uint8Array(ring));
  return {
    startMs: Math.floor(oldestUs / 1000),
    endMs: Math.floor(newestUs / 1000),
    fps: newestSeconds > 0 ? (newestFrames - 1) / newestSeconds : 0,
    ...counts,
    limited,
  };
}
