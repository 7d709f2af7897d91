import { execFile, spawn } from 'node:child_process';
import { createHash, createHmac } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { annotate, annotationsStatus } from '../support/annotations.js';
import { ImageClient } from '../support/grpc-client.js';
import { PROJECT, Proxy } from '../support/proxy.js';
import { freePort, waitFor } from '../support/wait.js';

const runFile = promisify(execFile);
// The Python of Debian, for which bin/setup --test installs grpc and numpy.
const PYTHON = '/usr/bin/python3';

/** Runs an example in its folder and returns its output. Throws with its stderr when it fails. */
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

  it('save a frame as a PNG of the correct size', async () => {
    const file = join(folder, 'frame.png');
    const printed = await run(language, [...oneFrame, 'demo', file, proxy.grpcAddress]);
    expect(printed).toContain('640x360');
    const { stdout } = await runFile('ffprobe', [
      ...['-v', 'error', '-of', 'csv=p=0', '-show_entries', 'stream=codec_name,width,height', file],
    ]);
    expect(stdout.trim()).toBe('png,640,360');
    expect(readFileSync(file).length).toBeGreaterThan(5000);
  });

  it('print an error for an unknown camera', async () => {
    const file = join(folder, 'none.png');
    const failed: unknown = await run(language, [...oneFrame, 'nobody', file, proxy.grpcAddress]).catch(
      (error: unknown) => error,
    );
    expect(failed).toMatchObject({ code: 1 });
    expect((failed as { stderr: string }).stderr).toContain('chrysproxy answered NOT_FOUND');
  });

  it('print the rate and the age of the frames', async () => {
    const printed = await run(language, [...showAll, proxy.grpcAddress, '--seconds', '3.5']);
    expect(printed).toMatch(/^demo +\d+ frames\/s +age +-?[\d.]+ ms/m);
  });
});

describe('the example receiver of annotations', () => {
  it('stores each annotation with a correct signature once, and refuses others', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'chrysproxy-receiver-'));
    const file = join(folder, 'annotations.jsonl');
    const port = await freePort();
    const url = `http://127.0.0.1:${port}/`;
    const receiver = spawn(PYTHON, ['receiver.py', String(port), file], {
      cwd: join(PROJECT, 'examples/python'),
      env: { ...process.env, EDGE_SECRET: 'geheim' },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const annotation = { endpoint: url, poll_duration_ms: 50, send_evidence: true };
    const proxy = await Proxy.start({ config: { annotation, buffer: { in_memory: 100 } } });
    const client = new ImageClient(proxy.grpcAddress, 'unary');
    try {
      await waitFor(
        'the receiver to listen',
        20_000,
        async () => (await fetch(url, { method: 'POST' })).status === 401,
      );
      const keys = { edge_key: 'key', edge_secret: 'another' };
      await proxy.rest('POST', '/api/v1/settings', keys);
      for (const number of ['0', '1', '2']) await annotate(client, 'yard', { custom_meta_1: number });
      await waitFor('the refusal', 20_000, async () => (await annotationsStatus(proxy)).paused?.includes('401'));
      await proxy.rest('POST', '/api/v1/settings', { ...keys, edge_secret: 'geheim' });
      await waitFor('the delivery', 20_000, async () => (await annotationsStatus(proxy)).delivered === 3);
      const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
      expect(lines.map((line) => (JSON.parse(line) as { custom_meta_1: string }).custom_meta_1)).toEqual([
        '0',
        '1',
        '2',
      ]);

      // Evidence is stored beside the file, unchanged.
      await proxy.addCamera('demo', `file://${join(PROJECT, 'config/demo.mp4')}`);
      await proxy.cameraIsRunning('demo');
      const { timestamp } = await client.frame({ device_id: 'demo' });
      const options = { start_timestamp: timestamp, evidence_after_ms: 300, evidence_snapshot: true };
      const { id } = (await annotate(client, 'demo', options)) as { id: string };
      await waitFor('the evidence', 20_000, async () => (await annotationsStatus(proxy)).delivered === 4);
      for (const [kept, name] of [
        ['mp4', 'clip.mp4'],
        ['jpg', 'snapshot.jpg'],
      ] as const) {
        const original = await fetch(`${proxy.restUrl}/api/v1/annotations/${id}/${name}`);
        expect(original.status).toBe(200);
        const bytes = readFileSync(join(`${file}.evidence`, `${id}.${kept}`));
        expect(bytes.equals(Buffer.from(await original.arrayBuffer()))).toBe(true);
      }
      lines.push(readFileSync(file, 'utf8').trimEnd().split('\n').at(-1)!);

      // An annotation that is sent again is not stored again.
      const [first = ''] = lines;
      const body = `{"data":[${first}]}`;
      const md5 = createHash('md5').update(body).digest('hex');
      const date = String(Date.now());
      const mac = createHmac('sha256', 'geheim')
        .update(date + md5)
        .digest('hex');
      const headers = { 'x-chrysedge-auth': `key:${mac}`, 'x-chrys-date': date, 'content-md5': md5 };
      expect((await fetch(url, { method: 'POST', body, headers })).status).toBe(200);
      expect((await fetch(url, { method: 'POST', body: `${body} `, headers })).status).toBe(401);
      expect(readFileSync(file, 'utf8').trimEnd().split('\n')).toEqual(lines);
    } finally {
      client.close();
      await proxy.dispose();
      receiver.kill();
      rmSync(folder, { recursive: true });
    }
  });
});
