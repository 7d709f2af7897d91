import { SLOTS } from './slots.js';

const MAX_BYTES = 64 * 1024 * 1024;

/**
 * Shared memory for frames, reused from one query to the next. A frame takes megabytes, and the garbage collector sees only
 * a small object: without the pool a few hundred queries would hold gigabytes.
 */
export class BufferPool {
  private readonly memories: SharedArrayBuffer[] = [];
  private bytes = 0;

  /** Takes the buffers for one query. */
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
