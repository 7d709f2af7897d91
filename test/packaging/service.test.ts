import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const UNIT = readFileSync('config/chrysproxy.service', 'utf8');

/** What `systemd-analyze verify` says about a unit; '' when it has nothing to complain of. */
function verify(folder: string, unit: string): string {
  const file = join(folder, 'chrysproxy.service');
  // The command has to exist for verify, and Node may lie elsewhere here than on the machine the unit is for.
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

  it('is understood by systemd without a complaint', () => {
    expect(verify(folder, UNIT)).toBe('');
  });

  it('would not be, were a setting of it misspelled', () => {
    expect(verify(folder, UNIT.replace('ProtectSystem=strict', 'ProtectSystm=strict'))).toContain('ProtectSystm');
  });

  it('runs as its own user, keeps its data, and is started again for ever', () => {
    for (const line of ['User=chrysproxy', 'StateDirectory=chrysproxy', 'Restart=always', 'StartLimitIntervalSec=0']) {
      expect(UNIT.split('\n')).toContain(line);
    }
  });
});
