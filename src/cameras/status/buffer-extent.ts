import { CONTROL } from '../../gen/ring-layout.js';
import type { NativeAddon } from '../../native/types.js';
import { Control } from '../../rings/control.js';
import { PacketReader } from '../../rings/packet-reader.js';
import type { PacketBuffer } from '../types.js';

/** The frames that a camera's packet ring holds. */
export interface BufferExtent {
  /** Arrival of the oldest and the newest frame, milliseconds since the epoch; 0 = there is none. */
  readonly startMs: number;
  readonly endMs: number;
  /** Frames per second of the newest connection, from its timestamps; 0 = not known. */
  readonly fps: number;
  readonly frames: number;
  readonly keyframes: number;
  /** Bytes of compressed video. */
  readonly bytes: number;
  /** The limit in bytes keeps the ring below the configured number of frames. */
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

/**
 * The time from the oldest frame in memory that can be decoded to the newest one, milliseconds since the epoch. Recordings do
 * not count. Undefined: there is no such frame.
 */
export function memorySpanOf({
  ring,
}: Pick<PacketBuffer, 'ring'>): { readonly fromMs: number; readonly toMs: number } | undefined {
  if (ring === undefined) return undefined;
  const reader = new PacketReader(ring);
  const [oldest] = reader.decodable();
  const newest = reader.read(reader.end() - 1);
  if (oldest === undefined || newest === undefined) return undefined;
  return { fromMs: Math.floor(oldest.arrivalUs / 1000), toMs: Math.floor(newest.arrivalUs / 1000) };
}
