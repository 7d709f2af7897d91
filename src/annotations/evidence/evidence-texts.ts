import { messageOf } from '../../base/errors.js';
import type { Coverage } from './coverage.js';
import type { EvidenceRequest } from './evidence.js';

/** What explains missing pictures. */
export interface Circumstances {
  /** When the proxy was started, milliseconds since the epoch. */
  readonly startedMs: number;
  /** Whether the camera has recordings. */
  readonly isRecorded: boolean;
}

/** Nothing counts as missing when a packet is late by less than this. */
const LATE_MS = 500;

/** Why there is no clip. */
export function nothingText({ camera, fromMs, toMs }: EvidenceRequest, circumstances: Circumstances): string {
  const text = `There is no clip: nothing of camera "${camera}" between ${timeText(fromMs)} and ${timeText(toMs)} is in memory or on disk.`;
  return `${text} ${whyGone(toMs, circumstances)}`;
}

/** What a clip lacks, in sentences. `frameMs` is the duration of a frame. */
export function missingText(
  { fromMs, toMs }: EvidenceRequest,
  coverage: Coverage & { readonly frameMs: number },
  circumstances: Circumstances,
): string[] {
  const minMs = Math.max(LATE_MS, 3 * coverage.frameMs);
  const texts: string[] = [];
  if (coverage.fromMs - fromMs > minMs) {
    const text = `The clip begins at ${timeText(coverage.fromMs)} and not at ${timeText(fromMs)}: what was before is neither in memory nor on disk (any more).`;
    texts.push(`${text} ${whyGone(fromMs, circumstances)}`);
  }
  if (toMs - coverage.toMs > minMs) {
    texts.push(
      `The clip ends at ${timeText(coverage.toMs)} and not at ${timeText(toMs)}: nothing came of the camera after that, or it is lost.`,
    );
  }
  if (coverage.holes) texts.push('There are holes in the clip: the camera was away for a while, or not recorded.');
  return texts;
}

/** Describes an error without the paths of this machine, because the text is sent to the cloud. */
export function whyText(error: unknown): string {
  const code = error instanceof Error && 'syscall' in error && 'code' in error ? String(error.code) : undefined;
  if (code === 'ENOSPC') return 'the disk of the data directory is full (ENOSPC); free some space';
  if (code !== undefined) return `the disk of the data directory says ${code}; look at it and at its permissions`;
  if (error instanceof DOMException && error.name === 'TimeoutError') return 'it took too long';
  return messageOf(error);
}

function whyGone(momentMs: number, { startedMs, isRecorded }: Circumstances): string {
  if (momentMs < startedMs) {
    return `The proxy was started at ${timeText(startedMs)}, and what it had only in memory before is gone.`;
  }
  return isRecorded
    ? 'See "chrysproxy recordings list" for what is recorded.'
    : 'Record the camera, or raise buffer.in_memory: memory must hold what lies before an event and after it.';
}

function timeText(ms: number): string {
  return `${ms} (${new Date(ms).toISOString()})`;
}
