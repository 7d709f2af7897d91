import { PACKET_RING } from '../gen/ring-layout.js';
import { PacketReader, type PacketFacts } from '../rings/packet-reader.js';

/** The packets of one segment: whole groups of pictures of one connection. */
export interface FoundSegment {
  /** Sequence of a keyframe. */
  readonly firstSequence: number;
  /** One past the last packet. */
  readonly endSequence: number;
  readonly connection: number;
  readonly groups: number;
}

export interface Found {
  readonly segment: FoundSegment | undefined;
  /** Number of groups of pictures that were overwritten in the ring before they were written to disk. */
  readonly lostGroups: number;
}

export interface FinderOptions {
  /** The first packet that may be written. */
  readonly fromSequence: number;
  /** Groups are joined up to this length, in microseconds between arrivals. 0: each group is a segment. */
  readonly minUs: number;
  /** Whether packets from `second` on fit into the same file as packets from `first` on. */
  readonly isSameStream: (first: number, second: number) => boolean;
}

/**
 * Minimum length of a segment while every packet is a keyframe, in microseconds between arrivals. Without it, each picture
 * of an MJPEG camera would become a file.
 */
const KEYFRAMES_ONLY_MIN_US = 1_000_000;

/** Maximum space that a packet takes in the ring beside its payload (see Footprint in packet_ring.cc). */
const PAYLOAD_OVERHEAD_BYTES = 128;

/** Finds the next segment to write in a camera's packet ring. Reads each packet's entry once. */
export class GroupFinder {
  private readonly reader: PacketReader;
  private readonly header: BigInt64Array;
  /** A longer group is cut off before the ring overwrites its beginning. */
  private readonly maxPackets: number;
  private readonly maxBytes: number;
  /** Sequence of the next packet to read. */
  private at: number;
  /** The first keyframe of the segment in progress. */
  private start: PacketFacts | undefined;
  /** The newest keyframe of the segment in progress. */
  private lastKeyframe: PacketFacts | undefined;
  private groups = 0;
  private bytes = 0;
  /** The packet before `at`. */
  private previous: Pick<PacketFacts, 'connection' | 'gop'> | undefined;
  /** Whether the next packets are the rest of a group that was cut off. They are lost, because they have no keyframe. */
  private restIsLost = false;

  /** Throws when the packet ring has another layout. */
  constructor(
    ring: SharedArrayBuffer,
    private readonly options: FinderOptions,
  ) {
    this.reader = new PacketReader(ring);
    const i32 = new Int32Array(ring, 0, PACKET_RING.bytes / 4);
    this.header = new BigInt64Array(ring, 0, PACKET_RING.bytes / 8);
    this.maxPackets = Math.floor((i32[PACKET_RING.entryCountI32] ?? 0) / 2);
    this.maxBytes = Number(this.header[PACKET_RING.dataBytesI64] ?? 0n) / 2;
    this.at = Math.max(options.fromSequence, this.reader.first());
  }

  /** The first sequence that was neither returned nor lost. */
  get pending(): number {
    return this.start?.sequence ?? this.at;
  }

  /** Sequence of the oldest packet in the ring. */
  get first(): number {
    return this.reader.first();
  }

  /** One past the sequence of the newest packet in the ring. */
  get end(): number {
    return this.reader.end();
  }

  /** Arrival of the newest packet minus arrival of this packet, in microseconds. 0: the packet is not in the ring. */
  arrivedBeforeNewestUs(sequence: number): number {
    const packet = this.reader.read(sequence);
    const newest = this.reader.read(this.reader.end() - 1);
    return packet === undefined || newest === undefined ? 0 : newest.arrivalUs - packet.arrivalUs;
  }

  /**
   * The oldest complete segment that was not returned yet, or the number of lost groups. With `ended` the group in
   * progress counts as complete, because it gets no more packets. Undefined: no segment is complete.
   */
  next(ended: boolean): Found | undefined {
    for (;;) {
      if ((this.start?.sequence ?? this.at) < this.reader.first()) return this.skip();
      const packet = this.reader.read(this.at);
      if (packet === undefined) {
        if (this.at < this.reader.end()) return this.skip();
        return ended && this.start !== undefined ? this.close(this.start, this.at) : undefined;
      }
      const found = this.start === undefined ? this.begin(packet) : this.extend(this.start, packet);
      if (found !== undefined) return found;
    }
  }

  /** Skips to the newest whole group, because older packets were overwritten or soon will be. */
  skip(): Found {
    const { start, previous: seen } = this;
    const minSequence = start === undefined ? this.at : start.sequence + 1;
    this.drop();
    const keyframe = this.newestWholeGroup();
    if (keyframe === undefined || keyframe.sequence < minSequence) {
      this.at = Math.max(this.at, this.reader.first());
      return { segment: undefined, lostGroups: start === undefined ? 0 : 1 };
    }
    this.at = keyframe.sequence;
    this.previous = { connection: keyframe.connection, gop: keyframe.gop - 1 };
    const next = start ?? (seen && { connection: seen.connection, gop: seen.gop + 1 });
    if (next === undefined) return { segment: undefined, lostGroups: 0 };
    const before = keyframe.connection === next.connection ? keyframe.gop - next.gop : keyframe.gop;
    return { segment: undefined, lostGroups: Math.max(0, before) };
  }

  private begin(packet: PacketFacts): Found | undefined {
    if (packet.keyframe) {
      this.start = this.lastKeyframe = packet;
      this.groups = 1;
      this.bytes = footprintOf(packet);
      this.restIsLost = false;
    }
    this.pass(packet);
    if (packet.keyframe || !this.restIsLost) return undefined;
    this.restIsLost = false;
    return { segment: undefined, lostGroups: 1 };
  }

  private extend(start: PacketFacts, packet: PacketFacts): Found | undefined {
    if (packet.connection !== start.connection) return this.close(start, packet.sequence);
    if (packet.keyframe) {
      if (this.isEnough(start, packet)) return this.close(start, packet.sequence);
      this.groups += 1;
      this.lastKeyframe = packet;
    } else if (packet.sequence - start.sequence >= this.maxPackets || this.bytes >= this.maxBytes) {
      return this.cut(start, packet.sequence);
    }
    this.bytes += footprintOf(packet);
    this.pass(packet);
    return undefined;
  }

  /** Whether the segment ends before this keyframe. Joined groups take at most half of the packets that the ring guarantees. */
  private isEnough(start: PacketFacts, keyframe: PacketFacts): boolean {
    const guaranteedPackets = Number(Atomics.load(this.header, PACKET_RING.minPacketsI64));
    const keyframesOnly = keyframe.sequence - start.sequence === this.groups;
    const minUs = keyframesOnly ? Math.max(this.options.minUs, KEYFRAMES_ONLY_MIN_US) : this.options.minUs;
    return (
      keyframe.arrivalUs - start.arrivalUs >= minUs ||
      keyframe.sequence - start.sequence >= guaranteedPackets / 2 ||
      this.bytes >= this.maxBytes / 2 ||
      !this.options.isSameStream(start.sequence, keyframe.sequence)
    );
  }

  /** Ends the segment, because the ring cannot hold much more: returns the whole groups, or the beginning of the only group. */
  private cut(start: PacketFacts, sequence: number): Found {
    const { lastKeyframe = start } = this;
    if (lastKeyframe !== start) {
      this.groups -= 1;
      this.previous = { connection: lastKeyframe.connection, gop: lastKeyframe.gop - 1 };
      return this.close(start, lastKeyframe.sequence);
    }
    const found = this.close(start, sequence);
    this.restIsLost = true;
    return found;
  }

  private close(start: PacketFacts, endSequence: number): Found {
    const { groups } = this;
    this.drop();
    this.at = endSequence;
    const { sequence: firstSequence, connection } = start;
    return { segment: { firstSequence, endSequence, connection, groups }, lostGroups: 0 };
  }

  private drop(): void {
    this.start = this.lastKeyframe = undefined;
    this.groups = this.bytes = 0;
    this.restIsLost = false;
  }

  private pass(packet: PacketFacts): void {
    this.previous = packet;
    this.at = packet.sequence + 1;
  }

  /** The keyframe of the newest whole group, or of the group in progress when there is no whole group. */
  private newestWholeGroup(): PacketFacts | undefined {
    const newest = this.reader.read(this.reader.newestKeyframe());
    const first = this.reader.first();
    for (let sequence = (newest?.sequence ?? 0) - 1; sequence >= first; sequence--) {
      const packet = this.reader.read(sequence);
      if (packet?.keyframe === true) return packet;
    }
    return newest;
  }
}

function footprintOf(packet: PacketFacts): number {
  return packet.bytes + PAYLOAD_OVERHEAD_BYTES;
}
