import { setImmediate } from 'node:timers/promises';

import type { Request, Response } from 'express';

import type { NativeAddon } from '../../native/types.js';
import { PacketReader, type PacketFacts, type PacketRange } from '../../rings/packet-reader.js';
import type { SegmentLookup } from '../../database/segment.js';
import { timeRange, wholeNumber } from '../http/query.js';
import type { RecordedCamera } from './recorded-camera.js';

const DEFAULT_LIMIT = 1000;
const MAX_LIMIT = 10_000;
/** Looking up so many takes a millisecond or two; then others have their turn. */
const AT_ONCE = 1000;
const SEGMENTS_AT_A_TIME = 16;

/** One frame of the past, as the answer shows it. */
interface ListedFrame {
  readonly frame_id: number;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  readonly keyframe: boolean;
  /** Of the compressed packet. */
  readonly bytes: number;
  readonly pts: number;
}

export interface FrameListParts extends Pick<NativeAddon, 'frameIds' | 'segmentFrames'> {
  readonly recordings: SegmentLookup;
}

/**
 * Sends what there is of a camera on disk and beyond that in memory, oldest first: `?from=&to=` in milliseconds since the
 * epoch, `?limit=` frames, and `next`, which is given back as `?after=` for those that follow. Throws invalid_argument.
 */
export async function sendFrameList(
  req: Request,
  res: Response,
  { name, camera }: RecordedCamera,
  parts: FrameListParts,
): Promise<void> {
  const { fromMs, toMs } = timeRange(req.query);
  const after = wholeNumber(req.query, 'after', 0, Number.MAX_SAFE_INTEGER) ?? 0;
  const limit = wholeNumber(req.query, 'limit', 1, MAX_LIMIT) ?? DEFAULT_LIMIT;
  // The whole of a millisecond belongs to it.
  const range = { fromUs: fromMs * 1000, toUs: toMs * 1000 + 999, after };
  const list = new FrameList(range, limit, parts);
  const ring = camera?.packets.ring;
  await list.addRecorded(name, ring);
  if (ring !== undefined) await list.addMemory(ring);
  res.json(list.answer());
}

/** One page of frames. Sequences tell where it is: what was added from disk is not added from memory again. */
class FrameList {
  private readonly frames: ListedFrame[] = [];
  private after: number;
  private taken = 0;
  private next: number | null = null;

  constructor(
    private readonly range: PacketRange,
    private readonly limit: number,
    private readonly parts: FrameListParts,
  ) {
    this.after = range.after;
  }

  /** Goes by the order in which frames are shown, which is that of the packets except for some neighbours. */
  answer(): { readonly frames: readonly ListedFrame[]; readonly next: number | null } {
    return { frames: this.frames.sort((one, other) => one.frame_id - other.frame_id), next: this.next };
  }

  /** What lies before that which memory has; memory may lose more meanwhile. */
  async addRecorded(camera: string, ring: SharedArrayBuffer | undefined): Promise<void> {
    const { recordings, segmentFrames } = this.parts;
    const reader = ring && new PacketReader(ring);
    const { fromUs, toUs } = this.range;
    for (;;) {
      const end = firstOf(reader);
      if (this.after + 1 >= end) return;
      const found = recordings
        .inRange(camera, { fromUs, toUs, afterSequence: this.after, limit: SEGMENTS_AT_A_TIME })
        .filter(({ firstSequence }) => firstSequence < end);
      if (found.length === 0) return;
      for (const segment of found) {
        // Deleted a moment ago, or not to be read: a hole, as it is for whoever asks for the pictures.
        const packets = await segmentFrames(recordings.pathOf(segment)).catch(() => undefined);
        for (let i = 0; packets !== undefined && i < packets.frameIds.length; i++) {
          const sequence = packets.firstSequence + i;
          const arrivalUs = packets.arrivalsUs[i] ?? 0;
          if (sequence <= this.after || sequence >= end || arrivalUs < fromUs || arrivalUs > toUs) continue;
          if (!this.take(sequence)) return;
          this.frames.push({
            frame_id: packets.frameIds[i] ?? 0,
            timestamp: Math.floor(arrivalUs / 1000),
            keyframe: packets.keyframes[i] === 1,
            bytes: packets.bytes[i] ?? 0,
            pts: packets.pts[i] ?? 0,
          });
        }
        this.after = Math.max(this.after, Math.min(segment.endSequence, end) - 1);
      }
    }
  }

  async addMemory(ring: SharedArrayBuffer): Promise<void> {
    if (this.next !== null) return;
    let packets: PacketFacts[] = [];
    for (const packet of new PacketReader(ring).decodable({ ...this.range, after: this.after })) {
      if (packets.length === AT_ONCE) {
        this.addPackets(ring, packets);
        packets = [];
        await setImmediate();
      }
      if (!this.take(packet.sequence)) break;
      packets.push(packet);
    }
    this.addPackets(ring, packets);
  }

  /** False: the page is full, and the next one begins with this packet. */
  private take(sequence: number): boolean {
    if (this.taken === this.limit) {
      this.next = this.after;
      return false;
    }
    this.taken += 1;
    this.after = sequence;
    return true;
  }

  /** Those whose place among the others is certain. */
  private addPackets(ring: SharedArrayBuffer, packets: readonly PacketFacts[]): void {
    const first = packets[0]?.sequence ?? 0;
    const last = packets.at(-1)?.sequence ?? -1;
    const ids = this.parts.frameIds(new Uint8Array(ring), first, last - first + 1);
    for (const packet of packets) {
      const frameId = ids[packet.sequence - first] ?? 0;
      if (frameId === 0) continue;
      this.frames.push({
        frame_id: frameId,
        timestamp: Math.floor(packet.arrivalUs / 1000),
        keyframe: packet.keyframe,
        bytes: packet.bytes,
        pts: packet.pts,
      });
    }
  }
}

/** Of what memory can be decoded of. */
function firstOf(reader: PacketReader | undefined): number {
  const [first] = reader?.decodable() ?? [];
  return first?.sequence ?? Infinity;
}
