import { setImmediate } from 'node:timers/promises';

import type { Request, Response } from 'express';

import type { Camera } from '../cameras/types.js';
import type { NativeAddon } from '../native/types.js';
import { PacketReader, type PacketFacts, type PacketRange } from '../rings/packet-reader.js';
import { timeRange, wholeNumber } from './query.js';

const DEFAULT_LIMIT = 1000;
const MOST_LIMIT = 10_000;
/** Looking up so many takes a millisecond or two; then others have their turn. */
const AT_ONCE = 1000;

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
export async function sendFrameList(
  req: Request,
  res: Response,
  camera: Camera,
  frameIds: NativeAddon['frameIds'],
): Promise<void> {
  const { fromMs, toMs } = timeRange(req.query);
  const after = wholeNumber(req.query, 'after', 0, Number.MAX_SAFE_INTEGER) ?? 0;
  const limit = wholeNumber(req.query, 'limit', 1, MOST_LIMIT) ?? DEFAULT_LIMIT;
  const { ring } = camera.packets;
  // The whole of a millisecond belongs to it.
  const range = { fromUs: fromMs * 1000, toUs: toMs * 1000 + 999, after };
  res.json(ring === undefined ? { frames: [], next: null } : await listOf(ring, range, limit, frameIds));
}

async function listOf(
  ring: SharedArrayBuffer,
  range: PacketRange,
  limit: number,
  frameIds: NativeAddon['frameIds'],
): Promise<{ frames: ListedFrame[]; next: number | null }> {
  const frames: ListedFrame[] = [];
  let next: number | null = null;
  let packets: PacketFacts[] = [];
  let taken = 0;
  for (const packet of new PacketReader(ring).decodable(range)) {
    if (taken === limit) {
      next = packets.at(-1)?.sequence ?? null;
      break;
    }
    if (packets.length === AT_ONCE) {
      frames.push(...listed(ring, packets, frameIds));
      packets = [];
      await setImmediate();
    }
    packets.push(packet);
    taken += 1;
  }
  frames.push(...listed(ring, packets, frameIds));
  return { frames: frames.sort((one, other) => one.frame_id - other.frame_id), next };
}

/** Those whose place among the others is certain. */
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
    .filter((frame) => frame.frame_id > 0);
}
