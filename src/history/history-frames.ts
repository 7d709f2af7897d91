import { ChrysError } from '../base/errors.js';
import type { NativeAddon } from '../native/types.js';
import type { FromHistoryWorker } from './messages.js';
import { SlotReader } from './slots.js';

/** A finished VideoFrame message, or a piece of a clip's file. */
export interface HistoryFrame {
  readonly byteLength: number;
  /** Arrival of the frame's packet, microseconds since the epoch; 0 in a clip. */
  readonly arrivalUs: number;
  /** Call this only once, because it frees the slot. */
  copyTo(target: Uint8Array, targetOffset: number): void;
}

/** `frame` undefined: there are no more frames. */
type Settle = (error: Error | undefined, frame: HistoryFrame | undefined) => void;

interface HistoryFramesHooks {
  readonly copyBytes: NativeAddon['copyBytes'];
  /** The consumer has closed the query. */
  readonly onClosed: () => void;
  /** A slot is free again. */
  readonly onRelease: () => void;
  /** Neither worker nor consumer uses this memory any more. */
  readonly onUnused: (memories: readonly SharedArrayBuffer[]) => void;
}

/** The result of one query, frames or pieces of a clip, for one consumer on the main thread. */
export class HistoryFrames {
  readonly slots = SlotReader.create();
  private waiting: Settle | undefined;
  private armed = false;
  private ended = false;
  private closed = false;
  private error: Error | undefined;
  private readonly memories: SharedArrayBuffer[];

  /** `pooled` is memory that the worker may use for its frames. */
  constructor(
    private readonly hooks: HistoryFramesHooks,
    pooled: readonly SharedArrayBuffer[],
  ) {
    this.memories = [...pooled];
  }

  /** Calls `settle` once with the next frame, unless the query is closed before. Call this only after the last frame was copied. */
  next(settle: Settle): void {
    this.waiting = settle;
    this.serve();
  }

  get isClosed(): boolean {
    return this.closed;
  }

  /** Ends the query. `settle` is not called any more. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.waiting = undefined;
    this.slots.cancel();
    this.slots.wakeUp();
    this.hooks.onClosed();
    this.giveBack();
  }

  /** Handles a message of the worker. */
  onMessage(message: Exclude<FromHistoryWorker, { readonly kind: 'more' }>): void {
    if (message.kind === 'memory') {
      this.slots.setMemory(message.slot, message.generation, message.memory);
      // Pooled memory is in the list already. If it were in it twice, two slots of a later query would share it.
      if (!message.wasPooled) this.memories.push(message.memory);
      this.serve();
    } else {
      const { failure } = message;
      this.end(failure === undefined ? undefined : new ChrysError(failure.kind, failure.message));
    }
  }

  /** The worker sends no further messages. */
  end(error?: ChrysError): void {
    this.ended = true;
    this.error = error;
    // Settles the promise of `written`, which would keep this object in memory.
    this.slots.wakeUp();
    if (this.closed) this.giveBack();
    else this.serve();
  }

  private readonly serve = (): void => {
    const { waiting } = this;
    if (waiting === undefined || this.closed) return;
    const oldest = this.slots.oldest();
    // The slot's memory arrives with a message, which calls this method again.
    if (oldest === 'unknown') return;
    if (oldest !== 'empty') {
      this.waiting = undefined;
      waiting(undefined, this.frameOf(oldest));
    } else if (this.ended) {
      this.waiting = undefined;
      this.giveBack();
      waiting(this.error, undefined);
    } else if (!this.armed) {
      this.sleep();
    }
  };

  /** Returns the memory to the pool once the worker has ended; until then the worker may write to it. */
  private giveBack(): void {
    if (!this.ended) return;
    this.hooks.onUnused([...this.memories]);
    this.memories.length = 0;
  }

  private sleep(): void {
    const written = this.slots.written();
    if (written === undefined) {
      this.serve();
      return;
    }
    this.armed = true;
    void written.then(() => {
      this.armed = false;
      this.serve();
    });
  }

  private frameOf({ message, arrivalUs }: { message: Uint8Array; arrivalUs: number }): HistoryFrame {
    return {
      byteLength: message.length,
      arrivalUs,
      copyTo: (target, targetOffset) => {
        this.hooks.copyBytes(message, target, targetOffset);
        this.slots.release();
        this.hooks.onRelease();
      },
    };
  }
}
