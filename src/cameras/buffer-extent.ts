import { CONTROL } from '../gen/ring-layout.js';
import { Control } from '../rings/control.js';
import { PacketReader } from '../rings/packet-reader.js';
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

export function bufferExtentOf({ ring, control }: PacketBuffer): BufferExtent {
  const extent = { startMs: 0, endMs: 0, fps: 0, frames: 0, keyframes: 0, bytes: 0 };
  const limited = new Control(control).getI32(CONTROL.bufferLimitedI32) !== 0;
  if (ring === undefined) return { ...extent, limited };
  let connection: number | undefined;
  let since = 0;
  let earliest = 0;
  let latest = 0;
  for (const packet of new PacketReader(ring).decodable()) {
    const seconds = packet.pts * packet.secondsPerTick;
    if (packet.connection !== connection) {
      connection = packet.connection;
      since = extent.frames;
      earliest = latest = seconds;
    }
    earliest = Math.min(earliest, seconds);
    latest = Math.max(latest, seconds);
    if (extent.frames === 0) extent.startMs = Math.floor(packet.arrivalUs / 1000);
    extent.endMs = Math.floor(packet.arrivalUs / 1000);
    extent.frames += 1;
    extent.keyframes += packet.keyframe ? 1 : 0;
    extent.bytes += packet.bytes;
  }
  if (latest > earliest) extent.fps = (extent.frames - since - 1) / (latest - earliest);
  return { ...extent, limited };
}
