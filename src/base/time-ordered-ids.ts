import { randomBytes } from 'node:crypto';

const MAX_COUNT = 0xfff;

/**
 * Gives UUIDs of version 7 (RFC 9562): milliseconds since the epoch, a counter within the millisecond, and 62 random bits.
 * Each id of one object sorts after the one before it, even when the clock is set back.
 */
export class TimeOrderedIds {
  private lastMs = 0;
  private count = 0;

  constructor(private readonly nowMs: () => number) {}

  next(): string {
    const nowMs = this.nowMs();
    if (nowMs > this.lastMs) {
      this.lastMs = nowMs;
      this.count = 0;
    } else if (this.count < MAX_COUNT) {
      this.count += 1;
    } else {
      this.lastMs += 1;
      this.count = 0;
    }
    const bytes = randomBytes(16);
    bytes.writeUIntBE(this.lastMs, 0, 6);
    bytes.writeUInt16BE(0x7000 | this.count, 6);
    bytes.writeUInt8(0x80 | (bytes.readUInt8(8) & 0x3f), 8);
    const hex = bytes.toString('hex');
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
  }
}
