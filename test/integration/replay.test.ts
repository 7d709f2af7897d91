/** What was recorded plays again as a camera, for whoever wants to see what really happened. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Farm } from '../farm/farm.js';
import { readBarcode } from '../support/barcode.js';
import { runCli } from '../support/cli.js';
import { type Frame, ImageClient } from '../support/grpc-client.js';
import { pastFrames } from '../support/history.js';
import { Proxy } from '../support/proxy.js';
import { waitFor } from '../support/wait.js';

const BOUND_MS = 60_000;
const GOP = 50;

const numberOf = (frame: Frame): number | 'torn' => readBarcode(frame.data, frame.width, frame.height);

describe('a replay', () => {
  let farm: Farm;
  let proxy: Proxy;
  let client: ImageClient;
  let recorded: readonly Frame[];
  /** A range of it that begins in mid-group. */
  let from: Frame;
  let to: Frame;

  beforeAll(async () => {
    farm = await Farm.start({ mounts: [{ path: 'yard', clip: 'h264-640x480-25-g50-b2' }] });
    proxy = await Proxy.start({ config: { buffer: { on_disk: true, on_disk_clean_older_than: '1h' } } });
    await proxy.addCamera('yard', farm.url('yard'));
    client = new ImageClient(proxy.grpcAddress, 'unary');
    await waitFor('segments', BOUND_MS, async () => (await proxy.camera('yard')).chrysproxy.recording.segments >= 4);
    recorded = (await pastFrames(client, { device_id: 'yard' })).slice(0, 4 * GOP);
    // The proxy has nothing else to do now, and what is recorded stays.
    await proxy.removeCamera('yard');
    from = recorded[GOP + 20]!;
    to = recorded[3 * GOP + 10]!;
  });

  afterAll(async () => {
    client.close();
    await proxy.dispose();
    await farm.stop();
  });

  it('shows what was recorded, faster, over and over, with the number and time that each frame had', async () => {
    const range = ['--from', String(from.timestamp), '--to', String(to.timestamp)];
    const added = await runCli(proxy, [
      'camera',
      'add',
      'lab',
      '--replay',
      'yard',
      ...range,
      '--speed',
      '4x',
      '--loop',
    ]);
    expect(added).toMatchObject({ exitCode: 0, stderr: '' });
    await proxy.cameraIsRunning('lab');
    const frames: Frame[] = [];
    const stream = client.frames('VideoStream', { device_id: 'lab' });
    stream.on('data', (frame: Frame) => frames.push(frame));
    stream.on('error', () => undefined);
    const rounds = (): number =>
      frames.filter((frame, index) => frame.original_frame_id < (frames[index - 1]?.original_frame_id ?? 0)).length;
    await waitFor('the third round', BOUND_MS, () => rounds() >= 2);
    stream.cancel();

    const byId = new Map(recorded.map((frame) => [frame.frame_id, frame]));
    for (const [index, frame] of frames.entries()) {
      const original = byId.get(frame.original_frame_id);
      expect(frame.original_arrival_us).toBe(original?.arrival_us);
      expect(numberOf(frame)).toBe(numberOf(original!));
      // Its own time goes on.
      if (index === 0) continue;
      expect(frame.frame_id).toBeGreaterThan(frames[index - 1]!.frame_id);
      expect(frame.pts).toBeGreaterThan(frames[index - 1]!.pts);
    }
    // From the keyframe before the range to its end.
    const shown = new Set(frames.map(({ original_frame_id }) => original_frame_id));
    expect(Math.min(...shown)).toBe(recorded[GOP]!.frame_id);
    expect(Math.max(...shown)).toBeLessThanOrEqual(to.frame_id + 2);
    expect(shown.size).toBeGreaterThan(GOP);
  });

  it('says what it is, and is not recorded again', async () => {
    const lab = await proxy.camera('lab');
    expect(lab.chrysproxy.replay).toEqual({
      camera: 'yard',
      from: from.timestamp,
      to: to.timestamp,
      speed: 4,
      loop: true,
    });
    expect(lab.chrysproxy.recording).toMatchObject({ wanted: false, state: 'off', segments: 0 });
    expect(existsSync(join(proxy.dataDir, 'archive', 'lab'))).toBe(false);
    expect((await runCli(proxy, ['camera', 'list'])).stdout).toMatch(/^lab .*replay of yard, 4x, loop/m);
    expect((await runCli(proxy, ['camera', 'show', 'lab'])).stdout).toMatch(/replay of yard from 2.* to 2.*, 4x, loop/);
  });

  it('is a camera for everything else: its latest frame, its memory, and after a restart', async () => {
    const before = await pastFrames(client, { device_id: 'lab', key_frame_only: true });
    expect(before.at(-1)?.original_frame_id).toBeGreaterThan(0);
    await proxy.end();
    await proxy.resume();
    await proxy.cameraIsRunning('lab');
    const frame = await waitFor('a frame', BOUND_MS, async () => {
      const latest = await client.frame({ device_id: 'lab' });
      return latest.data.length > 0 && latest;
    });
    expect(recorded.map(({ frame_id }) => frame_id)).toContain(frame.original_frame_id);
  });

  it('ends when everything was played', async () => {
    const replay = { camera: 'yard', from: from.timestamp, to: to.timestamp, speed: 16 };
    expect((await proxy.rest('POST', '/api/v1/process', { name: 'once', replay })).status).toBe(200);
    await waitFor('its end', BOUND_MS, async () => (await proxy.camera('once')).chrysproxy.phase === 'failed');
    const { chrysproxy, status } = await proxy.camera('once');
    expect(chrysproxy).toMatchObject({ reason: 'replay_ended', next_attempt: null });
    expect(status).toBe('dead');
    expect(chrysproxy.stats.packets).toBeGreaterThan(2 * GOP);
    const last = (await pastFrames(client, { device_id: 'once' })).at(-1)!;
    expect(Math.abs(last.original_frame_id - to.frame_id)).toBeLessThanOrEqual(2);
  });

  it('of a time of which nothing is recorded says so, and looks again later', async () => {
    const replay = { camera: 'yard', from: 1_000_000_000_000, to: 1_000_000_060_000 };
    expect((await proxy.rest('POST', '/api/v1/process', { name: 'empty', replay })).status).toBe(200);
    await waitFor(
      'it to be told',
      BOUND_MS,
      async () => (await proxy.camera('empty')).chrysproxy.reason === 'not_found',
    );
    const { chrysproxy } = await proxy.camera('empty');
    expect(chrysproxy.message).toContain('nothing to replay');
    expect(chrysproxy.message).toContain('recordings list');
    expect(chrysproxy.next_attempt).toBeGreaterThan(Date.now() + 2000);
  });

  it('of a range that makes no sense is refused', async () => {
    const good = { camera: 'yard', from: from.timestamp, to: to.timestamp };
    for (const [replay, text] of [
      [{ ...good, to: good.from }, 'later than'],
      [{ ...good, speed: 100 }, 'speed'],
      [{ ...good, from: good.to - 25 * 3_600_000 }, '24 hours'],
      [{ ...good, camera: 'no name' }, 'no name'],
      [{ camera: 'yard' }, 'from is missing'],
      [{ ...good, spede: 2 }, 'speed'],
      ['yesterday', 'object'],
    ] as const) {
      const answer = await proxy.rest('POST', '/api/v1/process', { name: 'bad', replay });
      expect([answer.status, answer.text]).toEqual([400, expect.stringContaining('replay: ')]);
      expect(answer.text).toContain(text);
    }
    const both = { name: 'bad', rtsp_endpoint: 'rtsp://h/', replay: good };
    expect(await proxy.rest('POST', '/api/v1/process', both)).toMatchObject({
      status: 400,
      text: expect.stringContaining('exclude each other') as string,
    });
  });
});
