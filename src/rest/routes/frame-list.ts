import { setImmediate } from 'node:timers/promises';

import { rangeInUs } from '../../base/microseconds.js';
import type { NativeAddon } from '../../native/types.js';
import { PacketReader, type PacketFacts, type PacketRange } from '../../rings/packet-reader.js';
import type { Segment, SegmentLookup } from '../../database/segment.js';
import type { TimeRange } from '../route-table/parameters.js';
import type { FrameListAnswer, ListedFrame } from '../route-table/pictures.js';
import type { RecordedCamera } from './recorded-camera.js';

/** Looking up this many packets takes a millisecond or two. Then the main thread does other work. */
const PACKETS_AT_A_TIME = 1000;
const SEGMENTS_AT_A_TIME = 16;

export interface FrameListQuery extends TimeRange {
  /** Sequence of the last packet of the previous page; 0: the first page. */
  readonly after: number;
  /** Maximum number of frames. */
  readonly limit: number;
}

export interface FrameListParts extends Pick<NativeAddon, 'frameIds' | 'segmentFrames'> {
  readonly recordings: SegmentLookup;
}

/** One page of the frames that a camera has on disk and, after these, in memory, oldest first. */
export async function listFrames(
  { name, camera }: RecordedCamera,
  { fromMs, toMs, after, limit }: FrameListQuery,
  parts: FrameListParts,
): Promise<FrameListAnswer> {
  const range = { ...rangeInUs(fromMs, toMs), after };
  const list = new FrameList(range, limit, parts);
  const ring = camera?.packets.ring;
  await list.addRecorded(name, ring);
  if (ring !== undefined) await list.addMemory(ring);
  return list.answer();
}

/** One page of frames. `after`, the sequence of the last packet, keeps a packet on disk from being added from memory again. */
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

  /** Frames in display order, which differs from the order of the packets only for neighbours. */
  answer(): FrameListAnswer {
    return { frames: this.frames.sort((one, other) => one.frame_id - other.frame_id), next: this.next };
  }

  /** Adds the packets on disk that are older than those in memory; memory can lose more of them meanwhile. */
  async addRecorded(camera: string, ring: SharedArrayBuffer | undefined): Promise<void> {
    const { recordings } = this.parts;
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
        if (!(await this.addSegment(segment, end))) return;
        this.after = Math.max(this.after, Math.min(segment.endSequence, end) - 1);
      }
    }
  }

  /** Adds the packets of a segment before the sequence `end`. False: the page is full. */
  private async addSegment(segment: Segment, end: number): Promise<boolean> {
    const { recordings, segmentFrames } = this.parts;
    const { fromUs, toUs } = this.range;
    // A segment that was just deleted, or cannot be read, is a gap, as it is for a caller that requests the pictures.
    const packets = await segmentFrames(recordings.pathOf(segment)).catch(() => undefined);
    for (let i = 0; packets !== undefined && i < packets.frameIds.length; i++) {
      const sequence = packets.firstSequence + i;
      const arrivalUs = packets.arrivalsUs[i] ?? 0;
      if (sequence <= this.after || sequence >= end || arrivalUs < fromUs || arrivalUs > toUs) continue;
      if (!this.take(sequence)) return false;
      this.frames.push({
        frame_id: packets.frameIds[i] ?? 0,
        timestamp: Math.floor(arrivalUs / 1000),
        keyframe: packets.keyframes[i] === 1,
        bytes: packets.bytes[i] ?? 0,
        pts: packets.pts[i] ?? 0,
      });
    }
    return true;
  }

  async addMemory(ring: SharedArrayBuffer): Promise<void> {
    if (this.next !== null) return;
    let packets: PacketFacts[] = [];
    for (const packet of new PacketReader(ring).decodable({ ...this.range, after: this.after })) {
      if (packets.length === PACKETS_AT_A_TIME) {
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

  /** Adds the packets whose frame id is certain already. */
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

/** Sequence of the first packet in memory that can be decoded; Infinity: there is none. */
function firstOf(reader: PacketReader | undefined): number {
  const [first] = reader?.decodable() ?? [];
  return first?.sequence ?? Infinity;
}
