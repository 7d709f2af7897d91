import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';

const DOCKERFILE = readFileSync('Dockerfile', 'utf8');

/** Debian packages that every Debian has, or that the Node image includes. */
const ALWAYS_THERE = new Set(['libc6', 'libgcc-s1', 'libstdc++6']);

function run(program: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8', timeout: 30_000 });
  if (error !== undefined) throw error;
  expect(status, stdout + stderr).toBe(0);
  return stdout;
}

const packageList = (name: string): string[] =>
  readFileSync(`config/apt-${name}.txt`, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));

/** The Debian packages of the shared libraries that a binary links directly. */
function packagesNeededBy(binary: string): string[] {
  const names = [...run('objdump', '-p', binary).matchAll(/NEEDED +(\S+)/g)].map((match) => match[1]!);
  expect(names).not.toEqual([]);
  const paths = new Map(
    [...run('ldd', binary).matchAll(/^\s*(\S+) => (\S+)/gm)].map((match) => [match[1]!, match[2]!] as const),
  );
  // Where /lib is a link to /usr/lib, dpkg knows a file under only one of the paths.
  const patterns = names.map((name) => (paths.get(name) ?? name).replace(/^(\/usr)?/, '*'));
  const { stdout } = spawnSync('dpkg-query', ['--search', ...patterns], { encoding: 'utf8', timeout: 30_000 });
  const owners = new Map(
    [...stdout.matchAll(/^([^:,]+).*: \S*\/([^/\s]+)$/gm)].map((match) => [match[2]!, match[1]!] as const),
  );
  return names
    .filter((name) => !name.startsWith('ld-linux'))
    .map((name) => owners.get(name) ?? `the owner of ${name}, which dpkg does not know`);
}

describe('Dockerfile', () => {
  it('is valid, and all files that it copies exist and are not excluded', () => {
    expect(run('bin/prove-dockerfile.js', '--check')).toContain('all files that it copies exist');
  });

  it.each([
    'node_modules/beamcoder/build/Release/beamcoder.node',
    'node_modules/better-sqlite3/build/Release/better_sqlite3.node',
    'native/build/chrys_native.node',
  ])('installs every library that %s is linked with', (binary) => {
    const missing = packagesNeededBy(binary).filter(
      (name) => !ALWAYS_THERE.has(name) && !packageList('runtime').includes(name),
    );
    expect(missing, `packages that config/apt-runtime.txt lacks for ${basename(binary)}`).toEqual([]);
  });

  it('uses Node 24, an unprivileged user and a health check', () => {
    const last = DOCKERFILE.slice(DOCKERFILE.lastIndexOf('\nFROM '));
    expect(last).toMatch(/^FROM node:24-bookworm-slim$/m);
    expect(last).toMatch(/^USER chrysproxy$/m);
    expect(last).toMatch(/^HEALTHCHECK .*\/healthz/ms);
  });
});
