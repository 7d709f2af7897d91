/**
 * Slots in shared memory that carry finished VideoFrame messages from a history worker to the main thread, in order.
 * Neither side polls; the worker sleeps while all slots are full.
 */

/** One slot is read while the other is written. */
export const SLOTS = 2;

// Indices of the block's Int32 fields.
const CANCEL = 0;
const WRITTEN = 1;
const READ = 2;
const SLOT = 4;
const SLOT_INTS = 4;
const GENERATION = 0;
const OFFSET = 1;
const BYTES = 2;
// Indices of the block's Float64 fields.
const ARRIVAL = (SLOT + SLOTS * SLOT_INTS) / 2;
const BLOCK_BYTES = 8 * (ARRIVAL + SLOTS);

const CANCEL_BYTES = 4;

interface SlotMessage {
  readonly offset: number;
  readonly bytes: number;
  /** Arrival of the frame's packet, microseconds since the epoch. */
  readonly arrivalUs: number;
}

/** The part of both sides. */
class Block {
  protected readonly i32: Int32Array<SharedArrayBuffer>;
  protected readonly f64: Float64Array<SharedArrayBuffer>;

  constructor(readonly buffer: SharedArrayBuffer) {
    this.i32 = new Int32Array(buffer);
    this.f64 = new Float64Array(buffer);
  }

  get cancelled(): boolean {
    return Atomics.load(this.i32, CANCEL) !== 0;
  }
}

/** The worker's side. */
export class SlotWriter extends Block {
  private readonly memories: (Uint8Array<SharedArrayBuffer> | undefined)[] = [];
  private readonly generations: number[] = [];
  private readonly pooled: SharedArrayBuffer[];

  constructor(block: SharedArrayBuffer, pooled: readonly SharedArrayBuffer[]) {
    super(block);
    this.pooled = [...pooled];
  }

  /** The native code reads this flag between packets. */
  get cancelFlag(): Uint8Array {
    return new Uint8Array(this.buffer, CANCEL * 4, CANCEL_BYTES);
  }

  /** The next slot to write; undefined: all are full. */
  free(): number | undefined {
    const written = Atomics.load(this.i32, WRITTEN);
    return written - Atomics.load(this.i32, READ) < SLOTS ? written % SLOTS : undefined;
  }

  memoryOf(slot: number): Uint8Array | undefined {
    return this.memories[slot];
  }

  /** Gives a free slot memory for `bytes`, pooled if possible. The caller must send the memory to the reader. */
  replace(
    slot: number,
    bytes: number,
  ): { readonly generation: number; readonly memory: SharedArrayBuffer; readonly wasPooled: boolean } {
    const index = this.pooled.findIndex((memory) => memory.byteLength >= bytes);
    const [pooled] = this.pooled.splice(index, index < 0 ? 0 : 1);
    const memory = pooled ?? new SharedArrayBuffer(bytes);
    const generation = (this.generations[slot] ?? 0) + 1;
    this.memories[slot] = new Uint8Array(memory);
    this.generations[slot] = generation;
    return { generation, memory, wasPooled: pooled !== undefined };
  }

  publish(slot: number, { offset, bytes, arrivalUs }: SlotMessage): void {
    const at = SLOT + slot * SLOT_INTS;
    this.i32[at + GENERATION] = this.generations[slot] ?? 0;
    this.i32[at + OFFSET] = offset;
    this.i32[at + BYTES] = bytes;
    this.f64[ARRIVAL + slot] = arrivalUs;
    Atomics.add(this.i32, WRITTEN, 1);
    Atomics.notify(this.i32, WRITTEN);
  }
}

/** The main thread's side. */
export class SlotReader extends Block {
  private readonly memories: ({ readonly generation: number; readonly bytes: Uint8Array } | undefined)[] = [];

  static create(): SlotReader {
    return new SlotReader(new SharedArrayBuffer(BLOCK_BYTES));
  }

  setMemory(slot: number, generation: number, memory: SharedArrayBuffer): void {
    this.memories[slot] = { generation, bytes: new Uint8Array(memory) };
  }

  /** 'empty': there is no message. 'unknown': setMemory has not been called yet for the slot's memory. */
  oldest(): { readonly message: Uint8Array; readonly arrivalUs: number } | 'empty' | 'unknown' {
    const read = Atomics.load(this.i32, READ);
    if (Atomics.load(this.i32, WRITTEN) === read) return 'empty';
    const slot = read % SLOTS;
    const at = SLOT + slot * SLOT_INTS;
    const memory = this.memories[slot];
    if (memory === undefined || memory.generation !== this.i32[at + GENERATION]) return 'unknown';
    const offset = this.i32[at + OFFSET] ?? 0;
    const message = memory.bytes.subarray(offset, offset + (this.i32[at + BYTES] ?? 0));
    return { message, arrivalUs: this.f64[ARRIVAL + slot] ?? 0 };
  }

  /** Frees the oldest slot. The caller must wake the writer. */
  release(): void {
    Atomics.add(this.i32, READ, 1);
  }

  /** Resolves at the next message, or at `wakeUp`. Undefined: there is a message already. */
  written(): Promise<unknown> | undefined {
    const read = Atomics.load(this.i32, READ);
    const sleep = Atomics.waitAsync(this.i32, WRITTEN, read);
    return sleep.async ? sleep.value : undefined;
  }

  wakeUp(): void {
    Atomics.notify(this.i32, WRITTEN);
  }

  cancel(): void {
    Atomics.store(this.i32, CANCEL, 1);
  }
}
