/** The edge secret is typed in a terminal, which Python's pty emulates. */
import { execFile } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { EXECUTABLE, Proxy } from '../support/proxy.js';

const BOUND_MS = 30_000;
/** A Python program that types its first argument at the prompt, and prints everything that the terminal showed. */
const TYPIST = `
import os, pty, sys
typed = sys.argv[1].encode()
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
shown = b''
while True:
    try:
        more = os.read(terminal, 4096)
    except OSError:
        break
    if not more:
        break
    if b'secret and Enter' in shown + more and b'secret and Enter' not in shown:
        os.write(terminal, typed)
    shown += more
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.stdout.buffer.write(shown)
sys.exit(status)
`;

let proxy: Proxy;

beforeAll(async () => {
  // The files must be private with any umask of the user.
  proxy = await Proxy.start({ within: () => ['sh', '-c', 'umask 000; exec "$@"', 'sh'] });
});

afterAll(async () => {
  await proxy.dispose();
});

function typed(keys: string): Promise<{ readonly exitCode: number | null; readonly shown: string }> {
  const command = [process.execPath, EXECUTABLE, 'cloud', 'set-key', 'the-key', '--url', proxy.restUrl];
  return new Promise((resolve) => {
    const child = execFile(
      '/usr/bin/python3',
      ['-c', TYPIST, keys, ...command],
      { timeout: BOUND_MS },
      (_e, stdout) => {
        resolve({ exitCode: child.exitCode, shown: stdout });
      },
    );
  });
}

it('hides the edge secret, which can be corrected while typing', async () => {
  const { exitCode, shown } = await typed('gehxx\x7f\x7feim\r');
  expect(shown).toContain('are set');
  expect(shown).not.toMatch(/geh|eim/);
  expect(exitCode).toBe(0);
  expect(proxy.dataFiles().some((content) => content.includes('geheim'))).toBe(true);
  const files = readdirSync(proxy.dataDir).filter((name) => name.includes('.db'));
  expect(files.length).toBeGreaterThan(2);
  for (const name of files) expect([name, statSync(join(proxy.dataDir, name)).mode & 0o777]).toEqual([name, 0o600]);
});

it('changes nothing after Ctrl-C', async () => {
  const { exitCode, shown } = await typed('other\x03');
  expect(shown).toContain('Nothing was changed');
  expect(shown).not.toContain('other');
  expect(exitCode).toBe(1);
  expect(proxy.dataFiles().some((content) => content.includes('other'))).toBe(false);
});
