import type { Request, Response } from 'express';

import type { Camera } from '../cameras/types.js';
import type { NativeAddon } from '../native/types.js';
import { PacketReader, type PacketFacts } from '../rings/packet-reader.js';
import { timeRange, wholeNumber, type TimeRange } from './query.js';

const DEFAULT_LIMIT = 1000;
const MOST_LIMIT = 10_000;

/** One frame that memory holds, as the answer shows it. */
interface ListedFrame {
  readonly frame_id: number;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  readonly keyframe: boolean;
  /** Of the compressed packet. */
  readonly bytes: number;
  readonly pts: number;
}

/**
 * Sends what memory holds of a camera, oldest first: `?from=&to=` in milliseconds since the epoch, `?limit=` frames, and
 * `next`, which is given back as `?after=` for those that follow. Throws invalid_argument.
 */
export function sendFrameList(req: Request, res: Response, camera: Camera, frameIds: NativeAddon['frameIds']): void {
  const range = timeRange(req.query);
  const after = wholeNumber(req.query, 'after', 0, Number.MAX_SAFE_INTEGER) ?? 0;
  const limit = wholeNumber(req.query, 'limit', 1, MOST_LIMIT) ?? DEFAULT_LIMIT;
  const { ring } = camera.packets;
  const found = ring === undefined ? [] : packetsOf(ring, { ...range, after, limit });
  const frames = ring === undefined ? [] : listed(ring, found.slice(0, limit), frameIds);
  const next = found.length > limit ? found[limit - 1]?.sequence : undefined;
  res.json({ frames, next: next ?? null });
}

interface Wanted extends TimeRange {
  readonly after: number;
  readonly limit: number;
}

/** One more than the limit, when there are more. */
function packetsOf(ring: SharedArrayBuffer, { fromMs, toMs, after, limit }: Wanted): PacketFacts[] {
  const found: PacketFacts[] = [];
  for (const packet of new PacketReader(ring).decodable()) {
    const arrivalMs = Math.floor(packet.arrivalUs / 1000);
    if (packet.sequence <= after || arrivalMs < fromMs || arrivalMs > toMs) continue;
    found.push(packet);
    if (found.length > limit) break;
  }
  return found;
}

/** Frames in the order in which they are shown, which differs from that of the packets by a few places. */
function listed(
  ring: SharedArrayBuffer,
  packets: readonly PacketFacts[],
  frameIds: NativeAddon['frameIds'],
): ListedFrame[] {
  const first = packets[0]?.sequence ?? 0;
  const last = packets.at(-1)?.sequence ?? -1;
  const ids = frameIds(new Uint8Array(ring), first, last - first + 1);
  return packets
    .map((packet) => ({
      frame_id: ids[packet.sequence - first] ?? 0,
      timestamp: Math.floor(packet.arrivalUs / 1000),
      keyframe: packet.keyframe,
      bytes: packet.bytes,
      pts: packet.pts,
    }))
    .filter((frame) => frame.frame_id > 0)
    .sort((one, other) => one.frame_id - other.frame_id);
}
