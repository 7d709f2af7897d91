/** The one channel between the main thread and a history worker. Frames travel in shared memory instead: see slots.ts. */
import type { HistoryOptions } from '../native/types.js';

/** Given to the worker at its start. */
export interface HistoryWorkerData {
  /** One Int32 that grows whenever there is something new for the worker. */
  readonly wake: SharedArrayBuffer;
}

export interface OpenMessage {
  readonly kind: 'open';
  readonly id: number;
  readonly packetRing: SharedArrayBuffer;
  /** The query's slots. */
  readonly block: SharedArrayBuffer;
  /** For its slots, as far as they are large enough. */
  readonly spare: readonly SharedArrayBuffer[];
  readonly options: Omit<HistoryOptions, 'packetRing' | 'cancel'>;
}

export type ToHistoryWorker = OpenMessage | { readonly kind: 'exit' };

export type FromHistoryWorker =
  /** The memory of a slot, before the first message that lies in it. */
  | {
      readonly kind: 'memory';
      readonly id: number;
      readonly slot: number;
      readonly generation: number;
      readonly memory: SharedArrayBuffer;
    }
  /** The last message of a query. */
  | { readonly kind: 'ended'; readonly id: number; readonly failure?: HistoryFailure };

export interface HistoryFailure {
  readonly kind: 'resource_exhausted' | 'internal';
  readonly message: string;
}
