import { open, rm, type FileHandle } from 'node:fs/promises';
import { writeAtomically } from '../../base/atomic-file.js';
import { ChrysError } from '../../base/errors.js';
import type { HistoryFrames, HistoryFrame } from '../../history/history-frames.js';
import { unfinishedPath } from './evidence-files.js';

/** The answer to a history query: frames, or pieces of a clip, in order. */
export type HistoryAnswer = Pick<HistoryFrames, 'next' | 'close'>;

/**
 * Yields the pieces of an answer. A piece is valid only until the next one, because both use the same memory. Closes the
 * answer at the end, also after an error. Throws the answer's error, and the reason of `signal` when that is aborted.
 */
export async function* piecesOf(answer: HistoryAnswer, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  let buffer = Buffer.alloc(0);
  try {
    for (;;) {
      const piece = await nextOf(answer, signal);
      if (piece === undefined) return;
      const { byteLength } = piece;
      if (buffer.length < byteLength) buffer = Buffer.allocUnsafeSlow(byteLength);
      piece.copyTo(buffer, 0);
      yield buffer.subarray(0, byteLength);
    }
  } finally {
    answer.close();
  }
}

/**
 * Writes a file atomically and durably, and returns its size in bytes. Without pieces, no file is written and the result is
 * 0. Throws failed_precondition beyond `maxBytes`, and errors of the disk.
 */
export async function writeEvidence(
  path: string,
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  maxBytes: number,
): Promise<number> {
  const write = async (temporaryPath: string): Promise<number> => {
    await rm(temporaryPath, { force: true });
    const bytes = await writePieces(temporaryPath, pieces, maxBytes);
    if (bytes === 0) throw new NoPieces();
    return bytes;
  };
  try {
    return await writeAtomically(path, write, { temporaryPath: unfinishedPath(path), durable: true });
  } catch (error) {
    if (error instanceof NoPieces) return 0;
    throw error;
  }
}

/** Prevents that an empty file gets the final name. */
class NoPieces extends Error {}

async function writePieces(
  path: string,
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  maxBytes: number,
): Promise<number> {
  const file = await open(path, 'wx', 0o600);
  let bytes = 0;
  try {
    for await (const piece of pieces) {
      bytes += piece.byteLength;
      if (bytes > maxBytes) throw tooLong(maxBytes);
      await writeAll(file, piece);
    }
  } finally {
    await file.close();
  }
  return bytes;
}

async function writeAll(file: FileHandle, piece: Uint8Array): Promise<void> {
  for (let at = 0; at < piece.byteLength;) at += (await file.write(piece, at)).bytesWritten;
}

function nextOf(answer: HistoryAnswer, signal: AbortSignal): Promise<HistoryFrame | undefined> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const abort = (): void => {
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', abort, { once: true });
    answer.next((error, piece) => {
      signal.removeEventListener('abort', abort);
      if (error === undefined) resolve(piece);
      else reject(error);
    });
  });
}

function tooLong(maxBytes: number): ChrysError {
  return new ChrysError('failed_precondition', `it is longer than annotation.evidence_max_bytes (${maxBytes})`);
}
