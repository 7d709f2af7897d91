import { messageOf } from '../../base/errors.js';
import type { Coverage } from './coverage.js';
import type { EvidenceRequest } from './evidence.js';

/** Facts that explain missing pictures. */
export interface Circumstances {
  /** When the proxy was started, milliseconds since the epoch. */
  readonly startedMs: number;
  /** Whether the camera has recordings. */
  readonly isRecorded: boolean;
}

/** A shorter interval without packets does not count as missing. */
const LATE_MS = 500;

/** Why there is no clip. */
export function noClipText({ camera, fromMs, toMs }: EvidenceRequest, circumstances: Circumstances): string {
  const text = `There is no clip: no pictures of camera "${camera}" between ${timeText(fromMs)} and ${timeText(toMs)} are in memory or on disk.`;
  return `${text} ${whyMissing(toMs, circumstances)}`;
}

/** The missing parts of a clip, in sentences. `frameMs` is the duration of a frame. */
export function incompleteClipTexts(
  { fromMs, toMs }: EvidenceRequest,
  coverage: Coverage & { readonly frameMs: number },
  circumstances: Circumstances,
): string[] {
  const minMs = Math.max(LATE_MS, 3 * coverage.frameMs);
  const texts: string[] = [];
  if (coverage.fromMs - fromMs > minMs) {
    const text = `The clip begins at ${timeText(coverage.fromMs)} and not at ${timeText(fromMs)}: earlier pictures are neither in memory nor on disk (any more).`;
    texts.push(`${text} ${whyMissing(fromMs, circumstances)}`);
  }
  if (toMs - coverage.toMs > minMs) {
    texts.push(
      `The clip ends at ${timeText(coverage.toMs)} and not at ${timeText(toMs)}: the camera sent nothing after that, or the packets were lost.`,
    );
  }
  if (coverage.hasGaps) texts.push('There are gaps in the clip: the camera was away for a while, or not recorded.');
  return texts;
}

/** Describes an error without the paths of this machine, because the text is sent to the cloud. */
export function causeText(error: unknown): string {
  const code = error instanceof Error && 'syscall' in error && 'code' in error ? String(error.code) : undefined;
  if (code === 'ENOSPC') return 'the disk of the data directory is full (ENOSPC); free some space';
  if (code !== undefined) return `the disk of the data directory reports ${code}; check the disk and its permissions`;
  if (error instanceof DOMException && error.name === 'TimeoutError') return 'it took too long';
  return messageOf(error);
}

function whyMissing(momentMs: number, { startedMs, isRecorded }: Circumstances): string {
  if (momentMs < startedMs) {
    return `The proxy was started at ${timeText(startedMs)}, and pictures that were only in memory before are lost.`;
  }
  return isRecorded
    ? '"chrysproxy recordings list" prints what is recorded.'
    : 'Record the camera, or raise buffer.in_memory: memory must hold the pictures before and after an event.';
}

function timeText(ms: number): string {
  return `${ms} (${new Date(ms).toISOString()})`;
}
