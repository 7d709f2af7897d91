/** The tests that are programs of their own, in C++: they need threads and memory that JavaScript cannot give. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const run = promisify(execFile);
const BUILD = process.env['CHRYSPROXY_NATIVE_BUILD'] ?? fileURLToPath(new URL('../../native/build', import.meta.url));
const STRESS_SECONDS = process.env['CHRYSPROXY_STRESS_SECONDS'] ?? '60';
/** The programs bring their own sanitizer runtime. */
const env = { ...process.env, LD_PRELOAD: '' };

it('puts pieces of access units together as they were, however a camera cuts them', async () => {
  const { stdout } = await run(`${BUILD}/access_units_test`, [], { env });
  expect(stdout).toBe('access units: passed\n');
});

it('chooses frames at intervals so that little is decoded for them', async () => {
  const { stdout } = await run(`${BUILD}/interval_schedule_test`, [], { env });
  expect(stdout).toBe('interval schedule: passed\n');
});

it('gives a live stream times that begin at 0 and never run backwards', async () => {
  const { stdout } = await run(`${BUILD}/relay_clock_test`, [], { env });
  expect(stdout).toBe('relay clock: passed\n');
});

it('never gives eight readers a torn slot or packet while one writer writes, for a minute', async () => {
  const { stdout } = await run(`${BUILD}/ring_stress`, [STRESS_SECONDS], { env });
  expect(stdout).toMatch(/frame ring: .* 0 torn\npacket ring: .* 0 torn\nring stress: passed\n/);
});
