import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROJECT, Proxy } from '../support/proxy.js';
import { waitFor } from '../support/wait.js';

const runFile = promisify(execFile);
// Debian's own, for which bin/setup --test installs grpc and numpy.
const PYTHON = '/usr/bin/python3';

/** Runs an example in its folder and returns what it printed. Throws, with its stderr, when it fails. */
async function run(language: 'python' | 'typescript', command: readonly string[]): Promise<string> {
  const [program = '', ...args] = command;
  const cwd = join(PROJECT, 'examples', language);
  const { stdout } = await runFile(program, args, { cwd, timeout: 60_000 });
  return stdout;
}

describe.each([
  {
    language: 'python' as const,
    list: [PYTHON, 'list.py'],
    oneFrame: [PYTHON, 'one_frame.py'],
    showAll: [PYTHON, 'show_all.py'],
  },
  {
    language: 'typescript' as const,
    list: ['node', 'build/list.js'],
    oneFrame: ['node', 'build/one-frame.js'],
    showAll: ['node', 'build/show-all.js'],
  },
])('the $language examples', ({ language, list, oneFrame, showAll }) => {
  let proxy: Proxy;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'chrysproxy-examples-'));
    if (language === 'typescript') {
      await runFile(process.execPath, [join(PROJECT, 'node_modules/typescript/bin/tsc'), '-p', 'examples/typescript'], {
        cwd: PROJECT,
      });
    }
    proxy = await Proxy.start();
    await proxy.addCamera('demo', `file://${join(PROJECT, 'config/demo.mp4')}`);
    await waitFor('the demo camera to run', 20_000, async () => (await proxy.camera('demo')).status === 'running');
  });
  afterAll(async () => {
    await proxy.dispose();
    rmSync(folder, { recursive: true });
  });

  it('list the camera', async () => {
    expect(await run(language, [...list, proxy.grpcAddress])).toMatch(/^demo +running/m);
  });

  it('save a frame as a PNG of the right size', async () => {
    const file = join(folder, 'frame.png');
    const printed = await run(language, [...oneFrame, 'demo', file, proxy.grpcAddress]);
    expect(printed).toContain('640x360');
    const { stdout } = await runFile('ffprobe', [
      ...['-v', 'error', '-of', 'csv=p=0', '-show_entries', 'stream=codec_name,width,height', file],
    ]);
    expect(stdout.trim()).toBe('png,640,360');
    expect(readFileSync(file).length).toBeGreaterThan(5000);
  });

  it('say what is wrong when there is no such camera', async () => {
    const file = join(folder, 'none.png');
    const failed: unknown = await run(language, [...oneFrame, 'nobody', file, proxy.grpcAddress]).catch(
      (error: unknown) => error,
    );
    expect(failed).toMatchObject({ code: 1 });
    expect((failed as { stderr: string }).stderr).toContain('chrysproxy answered NOT_FOUND');
  });

  it('show the rate and the age of every frame', async () => {
    const printed = await run(language, [...showAll, proxy.grpcAddress, '--seconds', '3.5']);
    expect(printed).toMatch(/^demo +\d+ frames\/s +age +-?[\d.]+ ms/m);
  });
});
