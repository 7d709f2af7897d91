import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { writeAtomically } from '../../../src/base/atomic-file.js';

let folder = '';
let path = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'chrys-atomic-'));
  path = join(folder, 'clip.mp4');
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

it.each([false, true])('gives the file its name once it is complete (durable: %s)', async (durable) => {
  const bytes = await writeAtomically(
    path,
    async (temporaryPath) => {
      await writeFile(temporaryPath, 'all of it');
      expect(existsSync(path)).toBe(false);
      return 9;
    },
    { durable },
  );
  expect(bytes).toBe(9);
  expect(readFileSync(path, 'utf8')).toBe('all of it');
  expect(readdirSync(folder)).toEqual(['clip.mp4']);
});

it('leaves the old file, and no temporary one, when the write fails', async () => {
  writeFileSync(path, 'old');
  const failing = writeAtomically(path, async (temporaryPath) => {
    await writeFile(temporaryPath, 'half');
    throw new Error('the disk is full');
  });
  await expect(failing).rejects.toThrow('the disk is full');
  expect(readFileSync(path, 'utf8')).toBe('old');
  expect(readdirSync(folder)).toEqual(['clip.mp4']);
});

it('uses the given temporary name', async () => {
  const temporaryPath = join(folder, '.mine');
  await writeAtomically(
    path,
    async (given) => {
      await writeFile(given, given);
    },
    { temporaryPath },
  );
  expect(readFileSync(path, 'utf8')).toBe(temporaryPath);
});
