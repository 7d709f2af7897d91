import { PACKET_RING } from '../gen/ring-layout.js';
import { PacketReader, type PacketFacts } from '../rings/packet-reader.js';

/** Packets of a ring that make one segment: whole groups of pictures of one connection. */
export interface FoundSegment {
  /** A keyframe. */
  readonly firstSequence: number;
  /** One past the last packet. */
  readonly endSequence: number;
  readonly connection: number;
  readonly groups: number;
}

export interface Found {
  readonly segment: FoundSegment | undefined;
  /** Groups of pictures that nobody can write any more. */
  readonly lostGroups: number;
}

export interface FinderOptions {
  /** The first packet that may be written. */
  readonly fromSequence: number;
  /** Groups are joined until they are so long, microseconds between arrivals; 0 = each group is a segment. */
  readonly minUs: number;
  /** Whether packets from `second` on may stand in one file with those from `first` on. */
  readonly isSameStream: (first: number, second: number) => boolean;
}

/**
 * Minimum length of a segment while every packet is a keyframe, microseconds between arrivals. Otherwise each picture of an
 * MJPEG camera would become a file.
 */
const KEYFRAMES_ONLY_MIN_US = 1_000_000;

/** A payload takes up to so much more of the ring than its size (packet_ring.cc: Footprint). */
const PAYLOAD_OVERHEAD_BYTES = 128;

/** Looks through a camera's packet ring for what is to be written next. It reads each packet's entry once. */
export class GroupFinder {
  private readonly reader: PacketReader;
  private readonly header: BigInt64Array;
  /** A group that grows beyond this is cut off, before the ring loses its beginning. */
  private readonly maxPackets: number;
  private readonly maxBytes: number;
  /** The next packet to look at. */
  private at: number;
  /** The keyframe that the segment in progress begins with. */
  private start: PacketFacts | undefined;
  /** The newest keyframe in it. */
  private lastKeyframe: PacketFacts | undefined;
  private groups = 0;
  private bytes = 0;
  /** Of the packet before `at`. */
  private seen: Pick<PacketFacts, 'connection' | 'gop'> | undefined;
  /** The rest of a group that was cut off cannot be written: it does not begin with a keyframe. */
  private restIsLost = false;

  /** Throws when this is no packet ring of this layout. */
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

  /** Everything before this packet was given, or lost. */
  get pending(): number {
    return this.start?.sequence ?? this.at;
  }

  /** The oldest packet that is still there. */
  get first(): number {
    return this.reader.first();
  }

  /** One past the newest packet of the ring. */
  get end(): number {
    return this.reader.end();
  }

  /** How long before the newest packet this one arrived, microseconds; 0 when it is not there. */
  arrivedBeforeNewestUs(sequence: number): number {
    const packet = this.reader.read(sequence);
    const newest = this.reader.read(this.reader.end() - 1);
    return packet === undefined || newest === undefined ? 0 : newest.arrivalUs - packet.arrivalUs;
  }

  /**
   * The oldest segment that is complete and was not given yet, or groups that were lost. With `ended` the group in
   * progress counts as complete: nothing more will come to it.
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

  /** Goes on with the newest whole group: what is older was overwritten, or soon will be. */
  skip(): Found {
    const { start, seen } = this;
    const least = start === undefined ? this.at : start.sequence + 1;
    this.drop();
    const keyframe = this.newestWholeGroup();
    if (keyframe === undefined || keyframe.sequence < least) {
      this.at = Math.max(this.at, this.reader.first());
      return { segment: undefined, lostGroups: start === undefined ? 0 : 1 };
    }
    this.at = keyframe.sequence;
    this.seen = { connection: keyframe.connection, gop: keyframe.gop - 1 };
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

  /** Whether the segment ends before this keyframe. Joined groups take at most half of what the ring surely keeps. */
  private isEnough(start: PacketFacts, keyframe: PacketFacts): boolean {
    const surePackets = Number(Atomics.load(this.header, PACKET_RING.minPacketsI64));
    const keyframesOnly = keyframe.sequence - start.sequence === this.groups;
    const minUs = keyframesOnly ? Math.max(this.options.minUs, KEYFRAMES_ONLY_MIN_US) : this.options.minUs;
    return (
      keyframe.arrivalUs - start.arrivalUs >= minUs ||
      keyframe.sequence - start.sequence >= surePackets / 2 ||
      this.bytes >= this.maxBytes / 2 ||
      !this.options.isSameStream(start.sequence, keyframe.sequence)
    );
  }

  /** The ring cannot hold much more: the whole groups go, or what there is of the only one. */
  private cut(start: PacketFacts, sequence: number): Found {
    const { lastKeyframe = start } = this;
    if (lastKeyframe !== start) {
      this.groups -= 1;
      this.seen = { connection: lastKeyframe.connection, gop: lastKeyframe.gop - 1 };
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
    this.seen = packet;
    this.at = packet.sequence + 1;
  }

  /** Its keyframe; that of the group in progress when there is no whole one. */
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
