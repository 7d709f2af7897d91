/** The history of disk and memory together. The tests build on each other, in this order. */
import { once } from 'node:events';
import { readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readBarcode } from '../support/barcode.js';
import type { Frame } from '../support/grpc-client.js';
import { leaveAfter, listed, pastFrames, probe } from '../support/history.js';
import { FarmScene } from '../support/scene.js';
import { waitFor } from '../support/wait.js';

const CLIP_FRAMES = 300;
const GOP = 50;
const FRAME_TICKS = 90_000 / 25;
const BOUND_MS = 60_000;
const DEVICES = ['h264', 'hevc', 'reordered', 'open'] as const;
type Device = (typeof DEVICES)[number];

/** What a client sees of a frame. */
interface Seen {
  readonly frame_id: number;
  readonly timestamp: number;
  readonly pts: number;
  readonly shows: number | 'torn';
  readonly gap_ms: number;
}

function seen(frame: Frame): Seen {
  const { frame_id, timestamp, pts, gap_ms } = frame;
  return { frame_id, timestamp, pts, gap_ms, shows: readBarcode(frame.data, frame.width, frame.height) };
}

const idOf = ({ frame_id }: { readonly frame_id: number }): number => frame_id;

/** Checks that the frames are consecutive, without a gap. */
function expectRun(frames: readonly Seen[]): void {
  const first = frames[0]!;
  expect(frames.map(idOf)).toEqual(frames.map((_, index) => first.frame_id + index));
  expect(frames.map(({ shows }) => shows)).toEqual(
    frames.map((_, index) => (Number(first.shows) + index) % CLIP_FRAMES),
  );
  expect(frames.filter(({ gap_ms }) => gap_ms !== 0)).toEqual([]);
}

describe('the history of disk and memory', () => {
  let scene: FarmScene;
  const live = new Map<Device, Map<number, Seen>>();

  beforeAll(async () => {
    // Memory holds a few seconds.
    const buffer = { on_disk: true, on_disk_clean_older_than: '1h', in_memory: 10, in_memory_max_bytes: 1 << 20 };
    scene = await FarmScene.start(
      {
        h264: 'h264-640x480-25-g50',
        hevc: 'hevc-640x360-25-g50',
        reordered: 'h264-640x480-25-g50-b2',
        open: 'h264-640x480-25-g50-open-b2',
      },
      { config: { buffer } },
    );
    const watches = DEVICES.map((device) => watch(device));
    for (const device of DEVICES) await waitFor(`${device} on disk only`, BOUND_MS, () => leftMemory(device, 2 * GOP));
    for (const watched of watches) watched.cancel();
  });

  afterAll(async () => {
    await scene.dispose();
  });

  function watch(device: Device): { cancel: () => void } {
    const frames = new Map<number, Seen>();
    live.set(device, frames);
    const stream = scene.client.frames('VideoStream', { device_id: device });
    stream.on('data', (frame: Frame) => frames.set(frame.frame_id, seen(frame)));
    stream.on('error', () => undefined);
    return stream;
  }

  /** Whether the frame that was seen live after `count` others has left memory. */
  async function leftMemory(device: Device, count: number): Promise<boolean> {
    const at = [...(live.get(device)?.values() ?? [])][count];
    return at !== undefined && (await probe(scene.client, device)).buffer.start_time > at.timestamp;
  }

  const past = async (request: { device_id: string } & Record<string, unknown>): Promise<Seen[]> =>
    (await pastFrames(scene.client, request)).map(seen);

  const segmentFiles = (device: Device): string[] => {
    const folder = join(scene.proxy.dataDir, 'archive', device);
    return readdirSync(folder)
      .filter((name) => name.endsWith('.mp4'))
      .sort()
      .map((name) => join(folder, name));
  };

  it.each(DEVICES)('returns every frame of %s once, in order, equal to the live frame', async (device) => {
    const frames = await past({ device_id: device });
    expectRun(frames);
    const { buffer } = await probe(scene.client, device);
    expect(frames[0]!.timestamp).toBeLessThan(buffer.start_time - 2000);
    expect(frames.at(-1)!.timestamp).toBeGreaterThan(buffer.start_time);
    const byId = new Map(frames.map((frame) => [frame.frame_id, frame]));
    const both = [...live.get(device)!.values()].filter(({ frame_id }) => byId.has(frame_id));
    expect(both.length).toBeGreaterThan(2 * GOP);
    expect(both.map(({ frame_id }) => byId.get(frame_id))).toEqual(both);
  });

  it.each(DEVICES)(
    'returns exactly the frames of %s in a range that begins and ends in the middle of a group on disk',
    async (device) => {
      const all = await past({ device_id: device });
      const [from, to] = [all[GOP + 17]!.timestamp, all[2 * GOP + 31]!.timestamp];
      const wanted = all.filter(({ timestamp }) => timestamp >= from && timestamp <= to);
      expect(await past({ device_id: device, timestamp_from: from, timestamp_to: to })).toEqual(wanted);
    },
  );

  it.each(DEVICES)('returns keyframes of %s, one frame a second, and smaller pictures', async (device) => {
    // The order of the newest frames is not certain yet: a second answer may have one more of them.
    const to = Date.now() - 1000;
    const all = await past({ device_id: device, timestamp_to: to });
    const keyframes = await pastFrames(scene.client, { device_id: device, timestamp_to: to, key_frame_only: true });
    const starts = all.filter(({ shows }) => Number(shows) % GOP === 0);
    expect(keyframes.map(seen)).toEqual(starts);
    expect(keyframes.every(({ is_keyframe }) => is_keyframe)).toBe(true);

    const seconds = await past({ device_id: device, timestamp_to: to, interval_ms: 1000 });
    for (const [index, { pts, gap_ms }] of seconds.entries()) {
      expect(gap_ms).toBe(0);
      if (index > 0) expect(Math.abs(pts - seconds[index - 1]!.pts - 90_000)).toBeLessThan(2 * FRAME_TICKS);
    }
    expect(Math.abs(seconds.length - all.length / 25)).toBeLessThanOrEqual(2);

    const small = await pastFrames(scene.client, {
      device_id: device,
      timestamp_to: to,
      width: 160,
      interval_ms: 1000,
    });
    expect(small.map(idOf)).toEqual(seconds.map(idOf));
    expect(new Set(small.map(({ width }) => width))).toEqual(new Set([160]));
  });

  it('gives a slow reader every frame, although they leave memory while it reads', async () => {
    const { buffer } = await probe(scene.client, 'h264');
    const stream = scene.client.frames('VideoBufferedImage', {
      device_id: 'h264',
      timestamp_from: buffer.start_time + 1,
    });
    const frames: Seen[] = [];
    let passed = false;
    stream.on('data', (frame: Frame) => {
      frames.push(seen(frame));
      if (frames.length % 10 !== 0 || passed) return;
      stream.pause();
      void waitForMemory(frames.at(-1)!.timestamp + 500).then(() => stream.resume());
    });
    const waitForMemory = (loses: number): Promise<unknown> =>
      frames.length > 60
        ? Promise.resolve((passed = true))
        : waitFor(
            'memory to move on',
            BOUND_MS,
            async () => (await probe(scene.client, 'h264')).buffer.start_time > loses,
          );
    await once(stream, 'end');
    expectRun(frames);
    expect(frames[0]!.timestamp).toBeLessThanOrEqual(buffer.start_time + 100);
    expect(frames.at(-1)!.timestamp).toBeGreaterThan(buffer.end_time - 500);
  });

  it.each(DEVICES)('lists the same frames of %s over REST as gRPC returns', async (device) => {
    const frames = await past({ device_id: device });
    const to = frames.at(-1)!.timestamp;
    const rows = (await listed(scene.proxy, device, `?to=${to}&limit=10000`)).filter(({ frame_id }) =>
      frames.some((frame) => frame.frame_id === frame_id),
    );
    expect(rows.length).toBeGreaterThan(4 * GOP);
    expect(rows.map(({ frame_id, timestamp, pts }) => [frame_id, timestamp, pts])).toEqual(
      frames
        .filter(({ timestamp }) => timestamp <= to)
        .map(({ frame_id, timestamp, pts }) => [frame_id, timestamp, pts]),
    );
    const pages: number[] = [];
    for (let after: number | null = 0; after !== null;) {
      const answer = await scene.proxy.rest('GET', `/api/v1/process/${device}/frames?to=${to}&limit=70&after=${after}`);
      const page = JSON.parse(answer.text) as { frames: { frame_id: number }[]; next: number | null };
      pages.push(...page.frames.map(({ frame_id }) => frame_id));
      after = page.next;
    }
    expect(pages.length).toBeGreaterThanOrEqual(rows.length);
    expect(new Set(pages).size).toBe(pages.length);
  });

  it('has the nearest frame on disk for a batch', async () => {
    const [from] = await past({ device_id: 'h264', key_frame_only: true });
    const timestamp = from!.timestamp + 1000;
    const batch = (await scene.client.unary('VideoBatch', { device_ids: DEVICES, timestamp })) as {
      items: { frame: Frame; skew_ms: number; error: string }[];
    };
    for (const [index, { frame, error, skew_ms }] of batch.items.entries()) {
      expect(error).toBe('');
      expect(frame.device_id).toBe(DEVICES[index]);
      expect(frame.timestamp).toBe(timestamp + skew_ms);
      const rows = await listed(scene.proxy, DEVICES[index]!, '?limit=10000');
      const nearestMs = Math.min(...rows.map((row) => Math.abs(row.timestamp - timestamp)));
      expect(Math.abs(skew_ms)).toBeLessThanOrEqual(nearestMs + 1);
      expect(seen(frame).shows).not.toBe('torn');
    }
    const keyframes = (await scene.client.unary('VideoBatch', {
      device_ids: ['h264'],
      timestamp: from!.timestamp + 300,
      terms: { key_frame_only: true },
    })) as { items: { frame: Frame }[] };
    expect(keyframes.items[0]!.frame.frame_id).toBe(from!.frame_id);
  });

  it('closes files and ends threads after its clients have left', async () => {
    const idle = scene.proxy.usage();
    for (let i = 0; i < 40; i += 1) await leaveAfter(2, scene.client, { device_id: DEVICES[i % DEVICES.length]! });
    expectRun(await past({ device_id: 'h264' }));
    await waitFor('files to be closed', BOUND_MS, () => scene.proxy.usage().descriptors <= idle.descriptors);
    await waitFor('threads to end', BOUND_MS, () => scene.proxy.usage().threads <= idle.threads);
  });

  it.each(['h264', 'reordered'] as const)('marks deleted segments of %s as one gap', async (device) => {
    const before = await past({ device_id: device });
    const [, second, third] = segmentFiles(device);
    unlinkSync(second!);
    unlinkSync(third!);
    const gone = (frame: Seen): boolean => frame.frame_id >= cut.frame_id && frame.frame_id < cut.frame_id + 2 * GOP;
    const starts = before.filter(({ shows }) => Number(shows) % GOP === 0);
    const cut = starts[1]!;
    for (const check of [false, true]) {
      if (check) expect((await scene.proxy.rest('POST', '/api/v1/recordings/check')).status).toBe(200);
      const after = (await past({ device_id: device })).filter(({ frame_id }) => frame_id <= before.at(-1)!.frame_id);
      const left = before.filter((frame) => !gone(frame));
      expect(after.map(idOf)).toEqual(left.map(idOf));
      const marked = after.filter(({ gap_ms }) => gap_ms > 0);
      expect(marked.map(idOf)).toEqual([cut.frame_id + 2 * GOP]);
      const [last] = left.filter(({ frame_id }) => frame_id < cut.frame_id).slice(-1);
      expect(Math.abs(marked[0]!.gap_ms - (marked[0]!.timestamp - last!.timestamp))).toBeLessThanOrEqual(1);
    }
  });

  it('continues after kill -9: older frames come from disk, and the gap is marked once', async () => {
    const before = await past({ device_id: 'hevc' });
    await scene.proxy.kill9();
    const killedMs = Date.now();
    await scene.proxy.resume();
    await scene.running('hevc', BOUND_MS);
    await waitFor(
      'recording to go on',
      BOUND_MS,
      async () => (await scene.proxy.camera('hevc')).chrysproxy.recording.segments >= 2,
    );
    const after = await past({ device_id: 'hevc' });
    const old = after.filter(({ timestamp }) => timestamp <= killedMs);
    expectRun(old);
    const byId = new Map(before.map((frame) => [frame.frame_id, frame]));
    // Frames that were not yet part of a whole group are lost.
    expect(old.length).toBeGreaterThan(before.length - 2 * GOP);
    expect(old.filter(({ frame_id }) => byId.has(frame_id))).toEqual(
      before.filter(({ frame_id }) => frame_id <= old.at(-1)!.frame_id),
    );
    const newer = after.slice(old.length);
    expect(Math.abs(newer[0]!.gap_ms - (newer[0]!.timestamp - old.at(-1)!.timestamp))).toBeLessThanOrEqual(1);
    expectRun([{ ...newer[0]!, gap_ms: 0 }, ...newer.slice(1)]);
    expect(newer[0]!.frame_id).toBeGreaterThan(old.at(-1)!.frame_id);
  });

  it('lists the recorded frames of a camera that was removed', async () => {
    const before = await listed(scene.proxy, 'hevc', '?limit=10000');
    await scene.proxy.removeCamera('hevc');
    const after = await listed(scene.proxy, 'hevc', '?limit=10000');
    expect(after.length).toBeGreaterThanOrEqual(before.length - 2 * GOP);
    expect(new Set(after.map(({ frame_id }) => frame_id)).size).toBe(after.length);
  });
});
