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
  /** It is gone without having been told to; called once. */
  onCrashed(why: string): void;
}

/** One history worker, from main's side. */
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

  /** There is something to do for it: a free slot, or a query that was given up. */
  wake(): void {
    Atomics.add(this.wakeWord, 0, 1);
    Atomics.notify(this.wakeWord, 0);
  }

  /** Resolves when it is gone: after the frame that it is at. */
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
