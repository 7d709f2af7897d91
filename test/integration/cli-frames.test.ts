/** `chrysproxy frames` saves the history of a camera from the memory of a running proxy. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../support/cli.js';
import { FarmScene } from '../support/scene.js';
import { waitFor } from '../support/wait.js';

const FPS = 25;
const IN_MEMORY = 150;

describe('chrysproxy frames', () => {
  let scene: FarmScene;
  let folder: string;

  beforeAll(async () => {
    scene = await FarmScene.start(
      { open: 'h264-640x480-25-g50' },
      { later: ['open'], config: { buffer: { in_memory: IN_MEMORY } } },
    );
    folder = mkdtempSync(join(tmpdir(), 'chrysproxy-frames-'));
    await scene.proxy.addCamera('front', scene.farm.url('open'));
    await waitFor('memory to fill', 60_000, async () => (await packets()) > IN_MEMORY);
  });

  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    await scene.dispose();
  });

  async function packets(): Promise<number> {
    return (await scene.proxy.camera('front')).chrysproxy.stats.packets;
  }

  /** Saves frames to a new folder, and returns its files. */
  async function saved(name: string, ...args: string[]): Promise<{ name: string; timeMs: number; file: string }[]> {
    const out = join(folder, name);
    const run = await runCli(scene.proxy, ['frames', 'front', '--out', out, ...args]);
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    return readdirSync(out).map((file) => ({ name: file, timeMs: timeOf(file), file: join(out, file) }));
  }

  it('saves exactly the frames of the range', async () => {
    const [fromMs, toMs] = [Date.now() - 4000, Date.now() - 2000];
    const files = await saved('range', '--from', String(fromMs), '--to', new Date(toMs).toISOString());
    expect(files.length).toBeGreaterThanOrEqual(2 * FPS - 3);
    expect(files.length).toBeLessThanOrEqual(2 * FPS + 3);
    expect(Math.min(...files.map(({ timeMs }) => timeMs))).toBeGreaterThanOrEqual(fromMs);
    expect(Math.max(...files.map(({ timeMs }) => timeMs))).toBeLessThanOrEqual(toMs);
    const ids = files.map(({ name }) => Number(/_(\d+)\.jpg$/.exec(name)?.[1])).sort((a, b) => a - b);
    expect(ids.at(-1)! - ids[0]!).toBe(files.length - 1);
  });

  it('saves one scaled JPEG per interval', async () => {
    const files = await saved('every', '--from', '-4s', '--every', '1s', '--width', '320', '--quality', '60');
    expect(files.length).toBeGreaterThanOrEqual(3);
    expect(files.length).toBeLessThanOrEqual(5);
    expect(readFileSync(files[0]!.file).subarray(0, 2)).toEqual(Buffer.from([0xff, 0xd8]));
    const entries = ['-v', 'error', '-show_entries', 'stream=codec_name,width,height', '-of', 'csv=p=0'];
    expect(
      execFileSync('ffprobe', [...entries, files[0]!.file])
        .toString()
        .trim(),
    ).toBe('mjpeg,320,240');
  });

  it('saves keyframes only, and prints what it saved as JSON', async () => {
    const out = join(folder, 'keyframes');
    const run = await runCli(scene.proxy, ['frames', 'front', '--out', out, '--keyframes', '--json']);
    const { frames, complete } = JSON.parse(run.stdout) as { frames: number; complete: boolean };
    expect(complete).toBe(true);
    expect(frames).toBeGreaterThanOrEqual(2);
    expect(frames).toBeLessThanOrEqual(5);
    expect(readdirSync(out)).toHaveLength(frames);
  });

  it('prints the range in memory when the requested range is empty', async () => {
    const { exitCode, stdout, stderr } = await runCli(scene.proxy, [
      ...['frames', 'front', '--out', join(folder, 'none')],
      ...['--from', '2020-01-01T00:00:00Z', '--to', '2020-01-01T00:01:00Z'],
    ]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toMatch(/no frames of "front".*the proxy has frames from 20\d\d-.* to 20\d\d-/);
  });

  it('ends with 4 for an unknown camera', async () => {
    const { exitCode, stderr } = await runCli(scene.proxy, ['frames', 'nobody', '--out', folder]);
    expect(exitCode).toBe(4);
    expect(stderr).toContain('nobody');
  });
});

/** The time in a name such as 20260102T030405.678Z_0000000042.jpg. */
function timeOf(file: string): number {
  const [, date, time] = /^(\d{8})T(\d{6}\.\d{3})Z_\d+\.jpg$/.exec(file)!;
  const day = date!.replace(/(....)(..)(..)/, '$1-$2-$3');
  return Date.parse(`${day}T${time!.replace(/(..)(..)(.*)/, '$1:$2:$3')}Z`);
}
