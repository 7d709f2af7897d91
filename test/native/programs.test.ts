/** Runs the test programs in C++ and reports each of their test cases. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const SOURCES = fileURLToPath(new URL('../../native/test', import.meta.url));
const BUILD = process.env['CHRYSPROXY_NATIVE_BUILD'] ?? fileURLToPath(new URL('../../native/build', import.meta.url));
const STRESS_SECONDS = process.env['CHRYSPROXY_STRESS_SECONDS'] ?? '60';
/** The programs are linked to their own sanitizer runtime. */
const env = { ...process.env, LD_PRELOAD: '' };

const reports = mkdtempSync(join(tmpdir(), 'chrysproxy-doctest-'));
afterAll(() => { rmSync(reports, { recursive: true, force: true }); });

const programs = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('_test.cc'))
  .map((file) => file.slice(0, -'.cc'.length));

/** Names of the test cases of a program, from its source. */
function casesOf(program: string): string[] {
  const source = readFileSync(join(SOURCES, `${program}.cc`), 'utf8');
  return [...source.matchAll(/^TEST_CASE\(\s*"([^"]+)"\)/gm)].map((match) => match[1] ?? '');
}

/** The test cases of a program by name, with what failed in each. Rejects if the program did not come to its end. */
async function runProgram(program: string): Promise<Map<string, string>> {
  const report = join(reports, `${basename(program)}.xml`);
  // Exit status 1 means that test cases failed: the report names them.
  await run(join(BUILD, program), ['--reporters=junit', `--out=${report}`], { env }).catch((error: unknown) => {
    if ((error as { code?: unknown }).code !== 1) throw error;
  });
  const results = new Map<string, string>();
  for (const match of readFileSync(report, 'utf8').matchAll(/<testcase [^>]*? name="([^"]*)"[^>]*?(?:\/>|>(.*?)<\/testcase>)/gs)) {
    results.set(match[1] ?? '', (match[2] ?? '').trim());
  }
  return results;
}

describe.each(programs)('%s', (program) => {
  let results = new Map<string, string>();
  beforeAll(async () => {
    results = await runProgram(program);
  });
  it.each(casesOf(program))('%s', (name) => { expect(results.get(name)).toBe(''); });
});

it('never gives a reader what the capture loop did not write', async () => {
  const { stdout } = await run(join(BUILD, 'capture_stress'), ['5'], { env });
  expect(stdout).toMatch(/capture stress: passed\n$/);
});

it('never gives eight readers a torn slot or packet while one writer writes, for a minute', async () => {
  const { stdout } = await run(`${BUILD}/ring_stress`, [STRESS_SECONDS], { env });
  expect(stdout).toMatch(/frame ring: .* 0 torn\npacket ring: .* 0 torn\nring stress: passed\n/);
});
