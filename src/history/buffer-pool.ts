import { SLOTS } from './slots.js';

const MAX_BYTES = 64 * 1024 * 1024;

/**
 * Memory for frames that goes from one query to the next. A frame is megabytes long: left to the garbage collector, which
 * sees but a small object, a few hundred queries would hold gigabytes.
 */
export class BufferPool {
  private readonly memories: SharedArrayBuffer[] = [];
  private bytes = 0;

  /** As much as one query can use. */
  take(): SharedArrayBuffer[] {
    const taken = this.memories.splice(-SLOTS);
    for (const memory of taken) this.bytes -= memory.byteLength;
    return taken;
  }

  put(memories: readonly SharedArrayBuffer[]): void {
    for (const memory of memories) {
      this.memories.push(memory);
      this.bytes += memory.byteLength;
    }
    while (this.bytes > MAX_BYTES) this.bytes -= this.memories.shift()?.byteLength ?? this.bytes;
  }

  clear(): void {
    this.memories.length = 0;
    this.bytes = 0;
  }
}
