import { CONTROL, LAYOUT_VERSION } from '../gen/ring-layout.js';

/**
 * A view of a camera's control block, which the main thread and the capture loop share. native/src/rings/ring_layout.h says
 * which of them writes each field.
 * Indices are those of CONTROL: `…I32` for the I32 calls, `…I64` for getI64.
 */
export class Control {
  readonly i32: Int32Array<SharedArrayBuffer>;
  readonly i64: BigInt64Array<SharedArrayBuffer>;

  constructor(readonly buffer: SharedArrayBuffer) {
    this.i32 = new Int32Array(buffer);
    this.i64 = new BigInt64Array(buffer);
  }

  static create(): Control {
    const control = new Control(new SharedArrayBuffer(CONTROL.bytes));
    control.setI32(CONTROL.layoutVersionI32, LAYOUT_VERSION);
    return control;
  }

  getI32(index: number): number {
    return Atomics.load(this.i32, index);
  }

  setI32(index: number, value: number): void {
    Atomics.store(this.i32, index, value);
  }

  /** Adds `amount`, and returns the new value. */
  addI32(index: number, amount: number): number {
    return Atomics.add(this.i32, index, amount) + amount;
  }

  /** A number is enough, because counters stay far below 2^53. */
  getI64(index: number): number {
    return Number(Atomics.load(this.i64, index));
  }
}
