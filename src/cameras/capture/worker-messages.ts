/** The one channel between the main thread and a camera worker. State that changes often travels in the control block instead. */
import type { CaptureOptions, CaptureResult, LearnedFacts, StreamInfo } from '../../native/types.js';
import type { LogLine } from '../types.js';

/** Given to the worker at its start. */
export interface WorkerData {
  readonly control: SharedArrayBuffer;
  readonly packetRing: SharedArrayBuffer;
}

export interface OpenMessage {
  readonly kind: 'open';
  /** `addresses` come from the worker: what `host` resolved to. */
  readonly options: Omit<CaptureOptions, 'control' | 'packetRing' | 'audioRing' | 'addresses'>;
  /** For the audio, if it is wanted. */
  readonly audioRing?: SharedArrayBuffer;
  /**
   * The worker resolves this name before it opens the stream, so that the lookup can be cancelled and an unknown host has a
   * reason of its own. An address is taken as it is. Undefined for a file.
   */
  readonly host?: string;
}

export type ToWorker =
  | OpenMessage
  /** Only understood between captures; raise CONTROL.stop first. */
  | { readonly kind: 'exit' };

export type FromWorker =
  /** The addresses of the host, never empty; if the host is an address, that address. */
  | { readonly kind: 'resolved'; readonly addresses: readonly string[] }
  /** What the packets are from this sequence on. */
  | { readonly kind: 'stream'; readonly info: StreamInfo; readonly fromSequence: number }
  | { readonly kind: 'learned'; readonly learned: LearnedFacts }
  | { readonly kind: 'frameRing'; readonly output: number; readonly ring: SharedArrayBuffer }
  | { readonly kind: 'log'; readonly level: LogLine['level']; readonly text: string }
  | { readonly kind: 'ended'; readonly result: CaptureResult };
