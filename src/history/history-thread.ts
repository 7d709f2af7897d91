import { ServiceThread } from '../base/service-thread.js';
import type {
  FromHistoryWorker,
  HistoryWorkerData,
  OpenMessage,
  SegmentsMessage,
  ToHistoryWorker,
} from './messages.js';

export interface HistoryThreadListener {
  onMessage(message: FromHistoryWorker): void;
  /** The thread ended without a request. Called once. */
  onCrashed(why: string): void;
}

/** The main thread's side of one history worker. */
export class HistoryThread {
  private readonly wakeWord = new Int32Array(new SharedArrayBuffer(4));
  private readonly thread: ServiceThread<ToHistoryWorker, FromHistoryWorker>;

  constructor(url: URL, name: string, listener: HistoryThreadListener) {
    const data: HistoryWorkerData = { wake: this.wakeWord.buffer };
    this.thread = new ServiceThread(
      { url, name, data, heapMb: { old: 32, young: 2 } },
      {
        onMessage: (message: FromHistoryWorker) => {
          listener.onMessage(message);
        },
        onGone: (error) => {
          if (error !== '') listener.onCrashed(error);
        },
      },
    );
  }

  open(message: OpenMessage): void {
    this.send(message);
  }

  addSegments(message: SegmentsMessage): void {
    this.send(message);
  }

  /** Wakes the worker, because a slot is free or a query was cancelled. */
  wake(): void {
    Atomics.add(this.wakeWord, 0, 1);
    Atomics.notify(this.wakeWord, 0);
  }

  /** Ends the thread. Resolves when it has ended, after its current frame. */
  async exit(): Promise<void> {
    void this.thread.end({ kind: 'exit' }, 0);
    this.wake();
    await this.thread.whenEnded();
  }

  private send(message: ToHistoryWorker): void {
    this.thread.send(message);
    this.wake();
  }
}
