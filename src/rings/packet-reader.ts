import { FLAG, LAYOUT_VERSION, PACKET_ENTRY, PACKET_RING } from '../gen/ring-layout.js';

/** A packet without its payload. */
export interface PacketFacts {
  readonly sequence: number;
  readonly keyframe: boolean;
  readonly connection: number;
  /** Number of its GOP: keyframes since the camera connected, up to and including this GOP's keyframe. */
  readonly gop: number;
  /** Size of the payload. */
  readonly bytes: number;
  /** In ticks; a tick has secondsPerTick. */
  readonly pts: number;
  readonly secondsPerTick: number;
  /** Microseconds since the epoch. */
  readonly arrivalUs: number;
}

/** Packets with an arrival from `fromUs` to `toUs`, microseconds since the epoch, and a sequence greater than `after`. */
export interface PacketRange {
  readonly fromUs: number;
  readonly toUs: number;
  readonly after: number;
}

const ALL: PacketRange = { fromUs: -Infinity, toUs: Infinity, after: -1 };
const TWO_POW_32 = 2 ** 32;

/** Reads the entries of a camera's packet ring, without the payload. Any thread. Never blocks the writer. */
export class PacketReader {
  private readonly i32: Int32Array;
  private readonly entryCount: number;

  /** Throws when `ring` is not a packet ring, or has another layout version. */
  constructor(ring: SharedArrayBuffer) {
    const header = new Int32Array(ring, 0, PACKET_RING.bytes / 4);
    if (header[PACKET_RING.layoutVersionI32] !== LAYOUT_VERSION)
      throw new Error('This memory is not a packet ring of this layout version');
    this.entryCount = header[PACKET_RING.entryCountI32] ?? 0;
    this.i32 = new Int32Array(ring, 0, (PACKET_RING.bytes + this.entryCount * PACKET_ENTRY.bytes) / 4);
  }

  /** Sequence of the oldest packet in the ring. */
  first(): number {
    return this.loadI64(PACKET_RING.firstSequenceI64);
  }

  /** Sequence of the next packet: the newest one plus 1. */
  end(): number {
    return this.loadI64(PACKET_RING.nextSequenceI64);
  }

  /** Sequence of the newest keyframe, 0 = none yet. The ring may no longer contain it. */
  newestKeyframe(): number {
    return this.loadI64(PACKET_RING.lastKeyframeSequenceI64);
  }

  /** Undefined: the ring does not contain the packet, or the packet was overwritten while it was read. */
  read(sequence: number): PacketFacts | undefined {
    if (sequence >= this.end() || sequence < this.first()) return undefined;
    const at = this.entryAt(sequence);
    const facts: PacketFacts = {
      sequence: this.i64(at, PACKET_ENTRY.sequenceI64),
      keyframe: (this.int(at, PACKET_ENTRY.flagsI32) & FLAG.keyframe) !== 0,
      connection: this.int(at, PACKET_ENTRY.connectionI32),
      gop: this.i64(at, PACKET_ENTRY.keyframeCountI64),
      bytes: this.int(at, PACKET_ENTRY.sizeI32),
      pts: this.i64(at, PACKET_ENTRY.ptsI64),
      secondsPerTick: this.int(at, PACKET_ENTRY.timeBaseNumI32) / this.int(at, PACKET_ENTRY.timeBaseDenI32),
      arrivalUs: this.i64(at, PACKET_ENTRY.arrivalUsI64),
    };
    // The writer removes a packet before it overwrites the entry. So if the packet is still there, the entry was read whole.
    return sequence >= this.first() && facts.sequence === sequence ? facts : undefined;
  }

  /** The packets of the range that can be decoded, oldest first. Packets before the oldest keyframe are left out. */
  *decodable(range: PacketRange = ALL): Generator<PacketFacts> {
    const end = this.end();
    for (let sequence = Math.max(this.oldestKeyframe(end), range.after + 1); sequence < end; sequence++) {
      // Packets outside the range are skipped before an object is made, because there may be a hundred thousand.
      const arrivalUs = this.i64(this.entryAt(sequence), PACKET_ENTRY.arrivalUsI64);
      if (arrivalUs < range.fromUs || arrivalUs > range.toUs) continue;
      const facts = this.read(sequence);
      if (facts !== undefined) yield facts;
      // The writer has overwritten the packet. The ring now begins later, with a whole GOP.
      else sequence = Math.max(sequence, this.first() - 1);
    }
  }

  /** Sequence of the oldest keyframe; `end` when there is none. */
  private oldestKeyframe(end: number): number {
    for (let sequence = this.first(); sequence < end; sequence++) {
      if ((this.int(this.entryAt(sequence), PACKET_ENTRY.flagsI32) & FLAG.keyframe) === 0) continue;
      if (this.read(sequence)?.keyframe === true) return sequence;
      sequence = Math.max(sequence, this.first() - 1);
    }
    return end;
  }

  private entryAt(sequence: number): number {
    return (PACKET_RING.bytes + (sequence % this.entryCount) * PACKET_ENTRY.bytes) / 4;
  }

  private int(at: number, field: number): number {
    return this.i32[at + field] ?? 0;
  }

  private i64(at: number, field: number): number {
    return this.join(this.int(at, 2 * field), this.int(at, 2 * field + 1));
  }

  /** The header's fields only grow. So when the upper half is unchanged, both halves belong together. */
  private loadI64(field: number): number {
    for (;;) {
      const high = Atomics.load(this.i32, 2 * field + 1);
      const low = Atomics.load(this.i32, 2 * field);
      if (Atomics.load(this.i32, 2 * field + 1) === high) return this.join(low, high);
    }
  }

  private join(low: number, high: number): number {
    return high * TWO_POW_32 + (low >>> 0);
  }
}
