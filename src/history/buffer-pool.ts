import { SLOTS } from './slots.js';

/** When the pool has more, the oldest memory is released. */
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * Memory for frames that is reused from one query to the next. Frames have several megabytes, but the garbage collector sees
 * only small objects. So without the pool, a few hundred queries would keep gigabytes.
 */
export class BufferPool {
  private readonly memories: SharedArrayBuffer[] = [];
  private bytes = 0;

  /** Takes the memory for one query, as much as there is. */
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
