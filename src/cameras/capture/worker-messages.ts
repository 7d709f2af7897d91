/** All messages between the main thread and a camera worker. State that changes often is in the control block instead. */
import type { CaptureOptions, CaptureResult, LearnedFacts, StreamInfo } from '../../native/types.js';
import type { LogLine } from '../types.js';

/** Given to the worker at its start. */
export interface WorkerData {
  readonly control: SharedArrayBuffer;
  readonly packetRing: SharedArrayBuffer;
}

export interface OpenMessage {
  readonly kind: 'open';
  /** Without `addresses`, which the worker adds after it has resolved `host`. */
  readonly options: Omit<CaptureOptions, 'control' | 'packetRing' | 'audioRing' | 'addresses'>;
  /** The ring for the audio; undefined: the audio is not stored. */
  readonly audioRing?: SharedArrayBuffer;
  /**
   * Host name or address; undefined for a file. The worker resolves it before it opens the stream, so that the lookup can be
   * cancelled and an unknown host has its own reason.
   */
  readonly host?: string;
}

export type ToWorker =
  | OpenMessage
  /** Is read only between captures: set CONTROL.stop first. */
  | { readonly kind: 'exit' };

export type FromWorker =
  /** The addresses of the host, at least one. */
  | { readonly kind: 'resolved'; readonly addresses: readonly string[] }
  /** A stream begins with the packet `fromSequence`. */
  | { readonly kind: 'stream'; readonly info: StreamInfo; readonly fromSequence: number }
  | { readonly kind: 'learned'; readonly learned: LearnedFacts }
  | { readonly kind: 'frameRing'; readonly output: number; readonly ring: SharedArrayBuffer }
  | { readonly kind: 'log'; readonly level: LogLine['level']; readonly text: string }
  | { readonly kind: 'ended'; readonly result: CaptureResult };
