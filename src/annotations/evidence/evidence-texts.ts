import { messageOf } from '../../base/errors.js';
import type { EvidenceWish } from '../../database/evidence.js';
import type { Coverage } from './coverage.js';

export interface Circumstances {
  /** When the proxy was started, milliseconds since the epoch. */
  readonly startedMs: number;
  /** Whether anything of the camera is recorded. */
  readonly isRecorded: boolean;
}

/** A packet may be so late without anything being missing. */
const LATE_MS = 500;

/** Why there is no clip at all. */
export function nothingText({ camera, fromMs, toMs }: EvidenceWish, now: Circumstances): string {
  const text = `There is no clip: nothing of camera "${camera}" between ${timeText(fromMs)} and ${timeText(toMs)} is in memory or on disk.`;
  return `${text} ${whyGone(toMs, now)}`;
}

/** What a clip lacks, a sentence each; `frameMs` is the time of a frame. */
export function missingText(
  { fromMs, toMs }: EvidenceWish,
  covered: Coverage & { readonly frameMs: number },
  now: Circumstances,
): string[] {
  const minMs = Math.max(LATE_MS, 3 * covered.frameMs);
  const texts: string[] = [];
  if (covered.fromMs - fromMs > minMs) {
    const text = `The clip begins at ${timeText(covered.fromMs)} and not at ${timeText(fromMs)}: what was before is neither in memory nor on disk (any more).`;
    texts.push(`${text} ${whyGone(fromMs, now)}`);
  }
  if (toMs - covered.toMs > minMs) {
    texts.push(
      `The clip ends at ${timeText(covered.toMs)} and not at ${timeText(toMs)}: nothing came of the camera after that, or it is lost.`,
    );
  }
  if (covered.holes) texts.push('There are holes in the clip: the camera was away for a while, or not recorded.');
  return texts;
}

/** What went wrong, without the paths of this machine: the text may leave it. */
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
