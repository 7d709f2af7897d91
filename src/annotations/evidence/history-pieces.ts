import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { HistoryFrame, HistoryFrames } from '../../history/history-frames.js';
import { ChrysError } from '../../base/errors.js';
import { unfinished } from './evidence-files.js';

/** Frames, or pieces of a file, in their order. */
export type Past = Pick<HistoryFrames, 'next' | 'close'>;

/**
 * The pieces of a past, each in memory that is used again for the next one. Closes it at the end, however that comes about.
 * Throws what the past throws, and the reason of `signal` when that is aborted.
 */
export async function* piecesOf(past: Past, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  let buffer = Buffer.alloc(0);
  try {
    for (;;) {
      const piece = await nextOf(past, signal);
      if (piece === undefined) return;
      const { byteLength } = piece;
      if (buffer.length < byteLength) buffer = Buffer.allocUnsafeSlow(byteLength);
      piece.copyTo(buffer, 0);
      yield buffer.subarray(0, byteLength);
    }
  } finally {
    past.close();
  }
}

/**
 * Writes a file so that under its name there is all of it or nothing, also after a power cut; says how long it is. Without
 * any piece there is no file. Throws failed_precondition beyond `maxBytes`, and what the disk says.
 */
export async function writeWhole(
  path: string,
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  maxBytes: number,
): Promise<number> {
  const part = unfinished(path);
  await rm(part, { force: true });
  const file = await open(part, 'wx', 0o600);
  let bytes = 0;
  try {
    try {
      for await (const piece of pieces) {
        bytes += piece.byteLength;
        if (bytes > maxBytes) throw tooLong(maxBytes);
        await writeAll(file, piece);
      }
      if (bytes > 0) await file.sync();
    } finally {
      await file.close();
    }
    if (bytes > 0) await rename(part, path);
  } finally {
    await rm(part, { force: true });
  }
  if (bytes > 0) await syncFolder(dirname(path));
  return bytes;
}

async function writeAll(file: FileHandle, piece: Uint8Array): Promise<void> {
  for (let at = 0; at < piece.byteLength;) at += (await file.write(piece, at)).bytesWritten;
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function nextOf(past: Past, signal: AbortSignal): Promise<HistoryFrame | undefined> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const abort = (): void => {
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', abort, { once: true });
    past.next((error, piece) => {
      signal.removeEventListener('abort', abort);
      if (error === undefined) resolve(piece);
      else reject(error);
    });
  });
}

function tooLong(maxBytes: number): ChrysError {
  return new ChrysError('failed_precondition', `it is longer than annotation.evidence_max_bytes (${maxBytes})`);
}
