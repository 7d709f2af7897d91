import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const NOBODY = 65534;

interface Outcome {
  readonly status: number | null;
  readonly text: string;
}

function run(cwd: string, args: readonly string[], options: { path?: string; uid?: number } = {}): Outcome {
  const { status, stdout, stderr, error } = spawnSync('bin/setup', args, {
    cwd,
    encoding: 'utf8',
    timeout: 120_000,
    env: { ...process.env, PATH: options.path ?? process.env.PATH },
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  });
  if (error !== undefined) throw error;
  return { status, text: stdout + stderr };
}

describe('bin/setup in this checkout', () => {
  it('has nothing to do when everything is ready', () => {
    const first = run('.', []);
    expect(first.status, first.text).toBe(0);
    const second = run('.', []);
    expect(second).toEqual({ status: 0, text: 'Setup: nothing to do, everything is ready.\n' });
  });

  it('refuses an unknown argument, and prints its usage', () => {
    const { status, text } = run('.', ['--tset']);
    expect(status).toBe(2);
    expect(text).toContain("Unknown argument '--tset'");
    expect(text).toContain('Usage: bin/setup [--test]');
  });
});

describe('bin/setup on other machines', () => {
  let folder: string;
  let tools: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'chrysproxy-setup-'));
    tools = join(folder, 'tools');
    mkdirSync(tools);
    for (const part of ['bin/setup', 'config', 'package.json', 'package-lock.json']) {
      cpSync(part, join(folder, part), { recursive: true });
    }
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  /** A command that replaces the machine's command of the same name. */
  function fake(name: string, script: string): void {
    writeFileSync(join(tools, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(tools, name), 0o755);
  }

  /** A PATH with the fakes and every command of this machine except these. */
  function pathWithout(...absent: string[]): string {
    for (const place of (process.env.PATH ?? '').split(':').filter((name) => existsSync(name))) {
      for (const name of readdirSync(place)) {
        const link = join(tools, name);
        if (!absent.includes(name) && !existsSync(link)) symlinkSync(resolve(place, name), link);
      }
    }
    return tools;
  }

  const pathWithFakes = (): string => `${tools}:${process.env.PATH ?? ''}`;

  it('prints how to get a newer Node.js when there is only the one of Debian 12', () => {
    fake('node', 'echo 18.20.4 /usr');
    const { status, text } = run(folder, [], { path: pathWithFakes() });
    expect(status).toBe(1);
    expect(text).toContain('Node.js 20.19.0 or newer is required; this is 18.20.4');
    expect(text).toContain('https://deb.nodesource.com/setup_24.x');
    expect(text).toContain('docker build');
  });

  it('refers to the Dockerfile where there is neither apt nor FFmpeg 5', () => {
    fake('pkg-config', 'test "$1" = --modversion && echo 61.3.100 && exit 0; exit 1');
    const { status, text } = run(folder, [], { path: pathWithout('dpkg-query', 'apt-get') });
    expect(status).toBe(1);
    expect(text).toContain('FFmpeg 5 (libavcodec 59) with its development files is required');
    expect(text).toContain('61.3.100');
    expect(text).toContain('docker build');
  });

  it('refers to the Dockerfile where apt has another FFmpeg', () => {
    fake('dpkg-query', 'exit 1');
    fake('pkg-config', 'exit 1');
    fake('apt-cache', 'echo "  Candidate: 7:6.1.1-3ubuntu5"');
    fake('apt-get', 'echo must not be called; exit 1');
    fake('sudo', 'exit 0');
    const { status, text } = run(folder, [], { path: pathWithFakes() });
    expect(status).toBe(1);
    expect(text).toContain('apt offers 7:6.1.1-3ubuntu5');
    expect(text).toContain('docker build');
  });

  it('installs what is missing, and prints the end of the log when that fails', () => {
    fake('dpkg-query', 'exit 1');
    fake('pkg-config', 'exit 1');
    fake('apt-cache', 'echo "  Candidate: 7:5.1.6-0+deb12u1"');
    fake('apt-get', 'echo "apt-get was called with $*"; test "$1" = update');
    fake('sudo', 'shift; exec "$@"');
    const { status, text } = run(folder, [], { path: pathWithFakes() });
    expect(status).toBe(1);
    expect(text).toMatch(/apt-get was called with install -y --no-install-recommends .*libavcodec-dev/);
    expect(text).toContain(join(folder, 'setup.log'));
  });

  // Root runs this test as another user. Another user runs it as itself.
  it('prints the command for root when it may not install packages', () => {
    fake('dpkg-query', 'exit 1');
    fake('pkg-config', 'exit 1');
    fake('sudo', 'exit 1');
    const asRoot = process.getuid?.() === 0;
    if (asRoot) for (const place of [folder, tools]) chownSync(place, NOBODY, NOBODY);
    const outcome = run(folder, [], { path: pathWithFakes(), ...(asRoot ? { uid: NOBODY } : {}) });
    expect(outcome.status).toBe(1);
    expect(outcome.text).toMatch(
      /apt-get update && apt-get install -y --no-install-recommends .*g\+\+ .*libavcodec-dev/,
    );
  });
});
