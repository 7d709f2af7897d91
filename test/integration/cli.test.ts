/** The output and exit codes of the command line with a running proxy. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refusedUrl, silentServer, statusServer } from '../farm/faulty-servers.js';
import { type CliRun, runCli } from '../support/cli.js';
import { EXECUTABLE, type ProcessAnswer } from '../support/proxy.js';
import { FarmScene } from '../support/scene.js';
import { waitFor } from '../support/wait.js';

const PASSWORD = 'pa55w0rd';

describe('chrysproxy', () => {
  let scene: FarmScene;
  let folder: string;

  beforeAll(async () => {
    scene = await FarmScene.start(
      {
        open: 'h264-640x480-25-g50',
        hevc: 'hevc-640x360-25-g50',
        locked: { clip: 'h264-640x480-25-g50', user: 'viewer', password: PASSWORD },
      },
      { later: ['open', 'hevc', 'locked'] },
    );
    await scene.proxy.addCamera('front', scene.farm.url('open'));
    await scene.running('front');
    folder = mkdtempSync(join(tmpdir(), 'chrysproxy-cli-'));
  });

  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    await scene.dispose();
  });

  const cli = (...args: string[]): Promise<CliRun> => runCli(scene.proxy, args);

  it('adds, shows, lists and removes a camera', async () => {
    const added = await cli('camera', 'add', 'door', scene.farm.url('locked'));
    expect(added).toMatchObject({ exitCode: 0, stderr: '', stdout: expect.stringContaining('door') as string });
    await scene.running('door');

    const shown = await cli('camera', 'show', 'door');
    expect(shown.exitCode).toBe(0);
    expect(shown.stdout).toMatch(/running/);
    expect(shown.stdout).toMatch(/h264.*640x480/);

    const listed = await cli('camera', 'list');
    expect(listed.exitCode).toBe(0);
    expect(listed.stdout).toMatch(/^door .*running.*h264/m);
    expect(listed.stdout).toMatch(/^front /m);

    expect((await cli('camera', 'remove', 'door')).exitCode).toBe(0);
    expect((await scene.proxy.rest('GET', '/api/v1/process/door')).status).toBe(404);
    for (const { stdout, stderr } of [added, shown, listed]) expect(stdout + stderr).not.toContain(PASSWORD);
  });

  it('reads the URL from standard input, so that it is in no process list', async () => {
    const added = await runCli(scene.proxy, ['camera', 'add', 'piped', '-'], `${scene.farm.url('locked')}\n`);
    expect(added).toMatchObject({ exitCode: 0, stderr: '' });
    await scene.running('piped');
    await scene.proxy.removeCamera('piped');
  });

  it('prints cameras as JSON', async () => {
    const list = JSON.parse((await cli('camera', 'list', '--json')).stdout) as ProcessAnswer[];
    expect(list).toMatchObject([{ name: 'front', status: 'running', rtsp_endpoint: scene.farm.url('open') }]);
    const shown = JSON.parse((await cli('camera', 'show', 'front', '--json')).stdout) as ProcessAnswer;
    expect(shown).toMatchObject({ name: 'front', state: { Running: true } });
  });

  it('prints what a camera does', async () => {
    const table = await cli('watch', '--once');
    expect(table).toMatchObject({ exitCode: 0, stderr: '' });
    expect(table.stdout).toMatch(/^front +running +25 +\d+ +\w+ +\d+\.\d % +\d+ +\d+ ms$/m);
    const { cameras } = JSON.parse((await cli('watch', 'front', '--once', '--json')).stdout) as { cameras: unknown[] };
    expect(cameras).toMatchObject([{ name: 'front', phase: 'running', fps: 25 }]);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('ends "watch" with exit code 0 at %s', async (signal) => {
    const env = { ...process.env, CHRYSPROXY_URL: scene.proxy.restUrl };
    const child = spawn(process.execPath, [EXECUTABLE, 'watch', '--json'], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit');
    let lines = 0;
    child.stdout.on('data', (text: Buffer) => (lines += text.toString().split('\n').length - 1));
    await waitFor('two lines', 15_000, () => lines >= 2);
    child.kill(signal);
    expect(await ended).toEqual([0, null]);
  });

  it('writes the newest frame of a camera to a file', async () => {
    const file = join(folder, 'front.jpg');
    expect(await cli('snapshot', 'front', file, '--width', '320')).toMatchObject({ exitCode: 0, stderr: '' });
    expect(readFileSync(file).subarray(0, 2)).toEqual(Buffer.from([0xff, 0xd8]));
    const size = execFileSync('ffprobe', [
      '-v',
      'error',
      '-show_entries',
      'stream=width,height',
      '-of',
      'csv=p=0',
      file,
    ]);
    expect(size.toString().trim()).toBe('320,240');
  });

  it('prints what a stream is without adding it', async () => {
    const probed = await cli('probe', scene.farm.url('hevc'), '--json');
    expect(probed).toMatchObject({ exitCode: 0, stderr: '' });
    expect(JSON.parse(probed.stdout)).toMatchObject({
      codec: 'hevc',
      width: 640,
      height: 360,
      fps: 25,
      gopPackets: 50,
    });
    const text = (await cli('probe', scene.farm.url('locked'))).stdout;
    expect(text).toMatch(/h264/);
    expect(text).toMatch(/640x480/);
    expect((JSON.parse((await cli('camera', 'list', '--json')).stdout) as unknown[]).length).toBe(1);
  });

  it('prints why a stream does not open', async () => {
    const notFound = await statusServer(404, 'Not Found');
    const silent = await silentServer();
    try {
      for (const [url, expected] of [
        [await refusedUrl(), /Nothing listens/],
        [scene.farm.url('locked', 'viewer:wrong'), /user name or password/],
        [notFound.url, /no such stream/],
        ['rtsp://no-such-camera.invalid/x', /does not resolve/],
        ['http://127.0.0.1/x', /rtsp:\/\//],
      ] as const) {
        const { exitCode, stdout, stderr } = await cli('probe', url);
        expect.soft(exitCode, url).not.toBe(0);
        expect.soft(stdout, url).toBe('');
        expect.soft(stderr, url).toMatch(expected);
        expect.soft(stderr, url).not.toContain('wrong@');
      }
      const given = await cli('probe', silent.url, '--timeout', '1s');
      expect(given.exitCode).not.toBe(0);
      expect(given.stderr).toMatch(/in time/);
    } finally {
      await notFound.stop();
      await silent.stop();
    }
  });

  it.each([
    ['usage that does not exist', 2, ['camera', 'dance'], /dance/],
    ['a missing argument', 2, ['camera', 'add', 'x'], /url/i],
    ['a value that is refused', 2, ['camera', 'add', '../x', 'rtsp://127.0.0.1/x'], /A-Z/],
    ['a scheme that is not supported', 2, ['camera', 'add', 'x', 'gopher://127.0.0.1/x'], /rtsp:\/\//],
    ['an unknown camera', 4, ['camera', 'show', 'nobody'], /nobody/],
    ['the removal of an unknown camera', 4, ['camera', 'remove', 'nobody'], /nobody/],
    ['a snapshot of an unknown camera', 4, ['snapshot', 'nobody', '/dev/null'], /nobody/],
    ['an existing name', 5, ['camera', 'add', 'front', 'rtsp://127.0.0.1/x'], /front/],
    ['a file that cannot be written', 1, ['snapshot', 'front', '/no/such/folder/x.jpg'], /\/no\/such\/folder/],
  ])('ends for %s with exit code %i and prints why', async (_what, code, args, expected) => {
    const { exitCode, stdout, stderr } = await cli(...args);
    expect(exitCode).toBe(code);
    expect(stdout).toBe('');
    expect(stderr).toMatch(expected);
  });

  it('ends with 3 and prints the address where no proxy answers', async () => {
    const { exitCode, stderr } = await runCli(undefined, ['camera', 'list']);
    expect(exitCode).toBe(3);
    expect(stderr).toContain('127.0.0.1:1');
  });

  it('accepts a valid configuration', async () => {
    const { exitCode, stdout } = await cli('config', 'check', '--config', scene.proxy.configFile, '--data-dir', folder);
    expect(exitCode).toBe(0);
    expect(stdout).toContain(scene.proxy.configFile);
    const json = await cli('config', 'check', '--config', scene.proxy.configFile, '--data-dir', folder, '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({ config: { port: scene.proxy.restPort, host: '127.0.0.1' } });
  });

  it('prints what is wrong with a configuration, where, and the nearest key', async () => {
    const file = join(folder, 'wrong.yaml');
    writeFileSync(file, 'port: 99999\nbufer:\n  in_memory: 2\n');
    const { exitCode, stdout, stderr } = await cli('config', 'check', '--config', file, '--data-dir', folder);
    expect(exitCode).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain('wrong.yaml line 1');
    expect(stderr).toContain('99999');
    expect(stderr).toMatch(/bufer.*Did you mean "buffer"/);
    expect((await cli('config', 'check', '--config', join(folder, 'none.yaml'))).exitCode).toBe(2);
    expect((await cli('start', '--config', file, '--data-dir', folder)).exitCode).toBe(2);
  });

  it('prints its exit codes and its version', async () => {
    const help = await cli('--help');
    expect(help).toMatchObject({ exitCode: 0, stderr: '' });
    expect(help.stdout).toMatch(/Exit codes:[^]*3 +No proxy/);
    expect((await cli('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
