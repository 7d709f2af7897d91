/** The tests that are programs of their own, in C++: they need threads and memory that JavaScript cannot give. */
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const run = promisify(execFile);
const SOURCES = fileURLToPath(new URL('../../native/test', import.meta.url));
const BUILD = process.env['CHRYSPROXY_NATIVE_BUILD'] ?? fileURLToPath(new URL('../../native/build', import.meta.url));
const STRESS_SECONDS = process.env['CHRYSPROXY_STRESS_SECONDS'] ?? '60';
/** The programs bring their own sanitizer runtime. */
const env = { ...process.env, LD_PRELOAD: '' };

const programs = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('_test.cc'))
  .map((file) => file.slice(0, -'.cc'.length));

it.each(programs)('passes %s', async (program) => {
  const { stdout } = await run(`${BUILD}/${program}`, [], { env });
  expect(stdout).toMatch(/: passed\n$/);
});

it('never gives eight readers a torn slot or packet while one writer writes, for a minute', async () => {
  const { stdout } = await run(`${BUILD}/ring_stress`, [STRESS_SECONDS], { env });
  expect(stdout).toMatch(/frame ring: .* 0 torn\npacket ring: .* 0 torn\nring stress: passed\n/);
});
