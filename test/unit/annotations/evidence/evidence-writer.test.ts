import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { piecesOf, writeEvidence } from '../../../../src/annotations/evidence/evidence-writer.js';
import { id } from './fixture.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'chrysproxy-evidence-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe('a file of evidence', () => {
  const path = (): string => join(folder, `${id(1)}.mp4`);
  const signal = new AbortController().signal;

  it('is complete or does not exist', async () => {
    expect(await writeEvidence(path(), [Buffer.from('abc'), Buffer.from('de')], 5)).toBe(5);
    expect(await writeEvidence(join(folder, 'empty'), [], 5)).toBe(0);
    const failing = (function* () {
      yield Buffer.from('abc');
      throw new Error('the camera is gone');
    })();
    await expect(writeEvidence(join(folder, 'other'), failing, 5)).rejects.toThrow('the camera is gone');
    await expect(writeEvidence(join(folder, 'other'), [Buffer.from('abcdef')], 5)).rejects.toThrow('longer than');
    expect(readdirSync(folder)).toEqual([`${id(1)}.mp4`]);
  });

  it('is given up when the proxy stops while the history does not answer', async () => {
    const stopped = new AbortController();
    let closed = false;
    const answer = { next: () => undefined, close: () => void (closed = true) };
    const writing = writeEvidence(path(), piecesOf(answer, AbortSignal.any([stopped.signal, signal])), 5);
    stopped.abort(new Error('stopped'));
    await expect(writing).rejects.toThrow('stopped');
    expect([closed, existsSync(path())]).toEqual([true, false]);
  });
});
