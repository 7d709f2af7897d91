import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const UNIT = readFileSync('config/chrysproxy.service', 'utf8');

/** The errors of `systemd-analyze verify` for a unit; '' for a valid unit. */
function verify(folder: string, unit: string): string {
  const file = join(folder, 'chrysproxy.service');
  // systemd-analyze requires the command to exist, and this machine may have Node at another path.
  writeFileSync(file, unit.replace('/usr/bin/node', process.execPath));
  const { stdout, stderr, status, error } = spawnSync('systemd-analyze', ['verify', '--man=no', file], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  if (error !== undefined) throw error;
  const complaints = (stdout + stderr).split('\n').filter((line) => line.includes('chrysproxy.service'));
  return status === 0 ? complaints.join('\n') : `exit status ${String(status)}\n${stdout}${stderr}`;
}

describe('config/chrysproxy.service', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'chrysproxy-unit-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('is valid for systemd', () => {
    expect(verify(folder, UNIT)).toBe('');
  });

  it('would not be valid with a misspelled setting', () => {
    expect(verify(folder, UNIT.replace('ProtectSystem=strict', 'ProtectSystm=strict'))).toContain('ProtectSystm');
  });

  it('runs as its own user, keeps its data, and always restarts', () => {
    for (const line of ['User=chrysproxy', 'StateDirectory=chrysproxy', 'Restart=always', 'StartLimitIntervalSec=0']) {
      expect(UNIT.split('\n')).toContain(line);
    }
  });
});
