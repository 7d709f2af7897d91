/** Replay: a recorded range plays again as a camera. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readBarcode } from '../support/barcode.js';
import { runCli } from '../support/cli.js';
import type { Frame } from '../support/grpc-client.js';
import { pastFrames } from '../support/history.js';
import { FarmScene } from '../support/scene.js';
import { waitFor } from '../support/wait.js';

const BOUND_MS = 60_000;
const GOP = 50;

const numberOf = (frame: Frame): number | 'torn' => readBarcode(frame.data, frame.width, frame.height);

describe('a replay', () => {
  let scene: FarmScene;
  let recorded: readonly Frame[];
  /** A range of it that begins in the middle of a group. */
  let from: Frame;
  let to: Frame;

  beforeAll(async () => {
    scene = await FarmScene.start(
      { yard: 'h264-640x480-25-g50-b2' },
      { config: { buffer: { on_disk: true, on_disk_clean_older_than: '1h' } } },
    );
    await waitFor(
      'segments',
      BOUND_MS,
      async () => (await scene.proxy.camera('yard')).chrysproxy.recording.segments >= 4,
    );
    recorded = (await pastFrames(scene.client, { device_id: 'yard' })).slice(0, 4 * GOP);
    // The recording stays.
    await scene.proxy.removeCamera('yard');
    from = recorded[GOP + 20]!;
    to = recorded[3 * GOP + 10]!;
  });

  afterAll(async () => {
    await scene.dispose();
  });

  it('plays the recorded frames at its speed, in a loop, with their original ids and times', async () => {
    const range = ['--from', String(from.timestamp), '--to', String(to.timestamp)];
    const added = await runCli(scene.proxy, [
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
    await scene.running('lab');
    const frames: Frame[] = [];
    const stream = scene.client.frames('VideoStream', { device_id: 'lab' });
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
      // Ids and times of the replay itself grow over the loops.
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

  it('is shown as a replay, and is not recorded', async () => {
    const lab = await scene.proxy.camera('lab');
    expect(lab.chrysproxy.replay).toEqual({
      camera: 'yard',
      from: from.timestamp,
      to: to.timestamp,
      speed: 4,
      loop: true,
    });
    expect(lab.chrysproxy.recording).toMatchObject({ wanted: false, state: 'off', segments: 0 });
    expect(existsSync(join(scene.proxy.dataDir, 'archive', 'lab'))).toBe(false);
    expect((await runCli(scene.proxy, ['camera', 'list'])).stdout).toMatch(/^lab .*replay of yard, 4x, loop/m);
    expect((await runCli(scene.proxy, ['camera', 'show', 'lab'])).stdout).toMatch(
      /replay of yard from 2.* to 2.*, 4x, loop/,
    );
  });

  it('has live frames and a history as a camera has, also after a restart', async () => {
    const before = await pastFrames(scene.client, { device_id: 'lab', key_frame_only: true });
    expect(before.at(-1)?.original_frame_id).toBeGreaterThan(0);
    await scene.proxy.end();
    await scene.proxy.resume();
    await scene.running('lab');
    const frame = await waitFor('a frame', BOUND_MS, async () => {
      const latest = await scene.client.frame({ device_id: 'lab' });
      return latest.data.length > 0 && latest;
    });
    expect(recorded.map(({ frame_id }) => frame_id)).toContain(frame.original_frame_id);
  });

  it('ends at the end of its range', async () => {
    const replay = { camera: 'yard', from: from.timestamp, to: to.timestamp, speed: 16 };
    expect((await scene.proxy.rest('POST', '/api/v1/process', { name: 'once', replay })).status).toBe(200);
    await waitFor('its end', BOUND_MS, async () => (await scene.proxy.camera('once')).chrysproxy.phase === 'failed');
    const { chrysproxy, status } = await scene.proxy.camera('once');
    expect(chrysproxy).toMatchObject({ reason: 'replay_ended', next_attempt: null });
    expect(status).toBe('dead');
    expect(chrysproxy.stats.packets).toBeGreaterThan(2 * GOP);
    const last = (await pastFrames(scene.client, { device_id: 'once' })).at(-1)!;
    expect(Math.abs(last.original_frame_id - to.frame_id)).toBeLessThanOrEqual(2);
  });

  it('of a range without a recording reports that, and tries again later', async () => {
    const replay = { camera: 'yard', from: 1_000_000_000_000, to: 1_000_000_060_000 };
    expect((await scene.proxy.rest('POST', '/api/v1/process', { name: 'empty', replay })).status).toBe(200);
    await waitFor(
      'the reason',
      BOUND_MS,
      async () => (await scene.proxy.camera('empty')).chrysproxy.reason === 'not_found',
    );
    const { chrysproxy } = await scene.proxy.camera('empty');
    expect(chrysproxy.message).toContain('nothing to replay');
    expect(chrysproxy.message).toContain('recordings list');
    expect(chrysproxy.next_attempt).toBeGreaterThan(Date.now() + 2000);
  });

  it('of an invalid range is refused', async () => {
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
      const answer = await scene.proxy.rest('POST', '/api/v1/process', { name: 'bad', replay });
      expect([answer.status, answer.text]).toEqual([400, expect.stringContaining('replay: ')]);
      expect(answer.text).toContain(text);
    }
    const both = { name: 'bad', rtsp_endpoint: 'rtsp://h/', replay: good };
    expect(await scene.proxy.rest('POST', '/api/v1/process', both)).toMatchObject({
      status: 400,
      text: expect.stringContaining('exclude each other') as string,
    });
  });
});
