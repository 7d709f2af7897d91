/** All messages between the main thread and a history worker. Frames are passed in shared memory instead: see slots.ts. */
import type { ClipOptions, HistoryOptions, HistorySegment } from '../native/types.js';

/** Given to the worker at its start. */
export interface HistoryWorkerData {
  /** One Int32. The main thread increments it whenever there is work for the worker. */
  readonly wake: SharedArrayBuffer;
}

export interface OpenMessage {
  readonly kind: 'open';
  readonly id: number;
  /** Undefined: the query reads only segments. */
  readonly packetRing: SharedArrayBuffer | undefined;
  /** The query's slots. */
  readonly block: SharedArrayBuffer;
  /** Pooled memory for the slots. The worker uses what is large enough. */
  readonly pooled: readonly SharedArrayBuffer[];
  readonly job:
    | { readonly kind: 'frames'; readonly options: Omit<HistoryOptions, 'packetRing' | 'cancel'> }
    | {
        readonly kind: 'clip';
        readonly audioRing: SharedArrayBuffer | undefined;
        readonly options: Omit<ClipOptions, 'packetRing' | 'audioRing' | 'cancel'>;
      };
}

/** The answer to `more`. */
export interface SegmentsMessage {
  readonly kind: 'segments';
  readonly id: number;
  readonly segments: readonly HistorySegment[];
  readonly more: boolean;
}

export type ToHistoryWorker = OpenMessage | SegmentsMessage | { readonly kind: 'exit' };

export type FromHistoryWorker =
  /** The memory of a slot. Comes before the first frame in it. */
  | {
      readonly kind: 'memory';
      readonly id: number;
      readonly slot: number;
      readonly generation: number;
      readonly memory: SharedArrayBuffer;
      /** True: it is one of OpenMessage.pooled. It is another object, because each transfer between threads makes a new one. */
      readonly wasPooled: boolean;
    }
  /** The worker waits for the segments with packets from the sequence `wanted` on. */
  | { readonly kind: 'more'; readonly id: number; readonly wanted: number }
  /** The last message of a query. */
  | { readonly kind: 'ended'; readonly id: number; readonly failure?: HistoryFailure };

export interface HistoryFailure {
  readonly kind: 'resource_exhausted' | 'internal';
  readonly message: string;
}
