import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockDataDir } from '../../../src/database/lock.js';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'chrysproxy-lock-'));
});
afterEach(() => {
  rmSync(dataDir, { recursive: true });
});

/** Starts another process that locks the file as lockDataDir does; the sources cannot run there without a build. */
const HOLDER = `
  const { writeFileSync } = require('node:fs');
  const Database = require(process.argv[1]);
  const database = new Database(process.argv[2] + '/chrysproxy.lock');
  database.exec('BEGIN EXCLUSIVE');
  writeFileSync(process.argv[2] + '/chrysproxy.pid', process.pid + '\\n');
  console.log('held');
  setInterval(() => database.open, 1000);
`;

describe('the lock of a data directory', () => {
  it('can be taken once, and again after its release', () => {
    const first = lockDataDir(dataDir);
    expect(() => lockDataDir(dataDir)).toThrow(
      expect.objectContaining({
        kind: 'failed_precondition',
        message: expect.stringMatching(
          new RegExp(`${dataDir} is in use by another chrysproxy \\(pid ${process.pid}\\)`),
        ),
      }),
    );
    first.release();
    lockDataDir(dataDir).release();
  });

  it('names the other process, and is free as soon as that process is killed', async () => {
    const sqlite = createRequire(import.meta.url).resolve('better-sqlite3');
    const holder = spawn(process.execPath, ['-e', HOLDER, sqlite, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      await once(holder.stdout, 'data');
      expect(() => lockDataDir(dataDir)).toThrow(`(pid ${holder.pid})`);
    } finally {
      holder.kill('SIGKILL');
      await once(holder, 'exit');
    }
    lockDataDir(dataDir).release();
  });

  it('cannot be taken in a folder that does not exist', () => {
    expect(() => lockDataDir('/dev/null/x')).toThrow(/\/dev\/null\/x cannot be locked.*--data-dir/);
  });
});
