/** VideoBatch: frames of several cameras at one moment. */
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readBarcode } from '../support/barcode.js';
import { failure, type Frame } from '../support/grpc-client.js';
import { listed } from '../support/history.js';
import { FarmScene } from '../support/scene.js';
import { take } from '../support/take.js';
import { waitFor } from '../support/wait.js';

const DEVICES = ['h264', 'hevc', 'reordered'];
const BOUND_MS = 60_000;
/** Frames of the list of which the order is not certain yet: B-frames arrive later than they are shown. */
const UNCERTAIN = 5;

/** Deadline at which at most a few frames are ready. */
const FIRST_DEADLINE_MS = 400;

interface Batch {
  readonly items: readonly {
    readonly device_id: string;
    readonly frame: Frame | null;
    readonly skew_ms: number;
    readonly error: string;
    readonly code: number;
  }[];
  readonly timestamp: number;
}

describe('a batch', () => {
  let scene: FarmScene;
  let idleThreads: number;

  beforeAll(async () => {
    scene = await FarmScene.start(
      {
        h264: 'h264-640x480-25-g50',
        hevc: 'hevc-640x360-25-g50',
        reordered: 'h264-640x480-25-g50-b2',
        'full-hd': 'h264-1920x1080-25-g50',
      },
      { config: { buffer: { in_memory: 100 } } },
    );
    for (const device of DEVICES) {
      await waitFor(`100 frames of ${device} in memory`, BOUND_MS, async () => {
        return (await listed(scene.proxy, device)).length >= 100;
      });
    }
    idleThreads = scene.proxy.usage().threads;
  });
  afterAll(async () => {
    await scene.dispose();
  });

  /** Id of the newest frame that is listed and whose order is certain. */
  async function newestId(device: string): Promise<number> {
    return (await listed(scene.proxy, device)).at(-UNCERTAIN)?.frame_id ?? NaN;
  }

  const batch = async (request: object, deadlineMs?: number): Promise<Batch> =>
    (await scene.client.unary('VideoBatch', request, deadlineMs)) as Batch;

  it('has the frame of each camera that is nearest to a past moment, in the order of the request', async () => {
    const timestamp = Date.now() - 2000;
    const { items, timestamp: moment } = await batch({ device_ids: DEVICES, timestamp });
    expect(moment).toBe(timestamp);
    expect(items.map(({ device_id }) => device_id)).toEqual(DEVICES);
    for (const { device_id, frame, skew_ms, error, code } of items) {
      expect([error, code]).toEqual(['', 0]);
      expect(frame?.device_id).toBe(device_id);
      expect(readBarcode(frame!.data, frame!.width, frame!.height)).not.toBe('torn');
      expect(skew_ms).toBe(frame!.timestamp - timestamp);
      const frames = await listed(scene.proxy, device_id);
      const nearestMs = Math.min(...frames.map((one) => Math.abs(one.timestamp - timestamp)));
      expect(Math.abs(Math.abs(skew_ms) - nearestMs)).toBeLessThanOrEqual(1);
    }
  });

  it('has the newest frames, even if no caller asks for live frames', async () => {
    const newest = await Promise.all(DEVICES.map(newestId));
    const askedMs = Date.now();
    const { items, timestamp } = await batch({ device_ids: DEVICES, terms: { width: 320 } });
    expect(timestamp).toBeGreaterThanOrEqual(askedMs);
    expect(timestamp).toBeLessThanOrEqual(Date.now());
    for (const [index, { frame, skew_ms }] of items.entries()) {
      expect(frame?.width).toBe(320);
      expect(frame?.frame_id).toBeGreaterThanOrEqual(newest[index]!);
      expect(skew_ms).toBe(frame!.timestamp - timestamp);
    }
    expect((await scene.proxy.camera('h264')).chrysproxy.stats.decoding).toBe('idle');
  });

  it('has live frames of a camera that is being decoded', async () => {
    await take(scene.client, { device_id: 'h264' }, 5);
    const answers: Batch[] = [];
    // The second call for live frames counts as demand, so that the camera is decoded from then on.
    for (let i = 0; i < 3; i += 1) answers.push(await batch({ device_ids: ['h264'] }));
    expect(answers.every(({ items: [item] }) => item?.error === '')).toBe(true);
    expect((await scene.proxy.camera('h264')).chrysproxy.stats.decoding).toBe('all');
    const newest = await newestId('h264');
    const { items } = await batch({ device_ids: ['h264'] });
    expect(items[0]?.frame?.frame_id).toBeGreaterThanOrEqual(newest);
  });

  it('reports a camera that is missing, and answers the others', async () => {
    const { items } = await batch({ device_ids: ['h264', 'nobody', '', 'hevc'], terms: { key_frame_only: true } });
    expect(items.map(({ frame }) => frame?.is_keyframe)).toEqual([true, undefined, undefined, true]);
    expect(items.map(({ code }) => code)).toEqual([0, status.NOT_FOUND, status.INVALID_ARGUMENT, 0]);
    expect(items[1]?.error).toContain('nobody');
  });

  it('has no frame that is too far from the moment', async () => {
    const { items } = await batch({ device_ids: ['h264'], timestamp: 1000, max_skew_ms: 500 });
    expect(items[0]).toMatchObject({ frame: null, code: status.NOT_FOUND, error: expect.stringContaining('500 ms') });
    const { items: any } = await batch({ device_ids: ['h264'], timestamp: 1000 });
    expect(any[0]?.frame?.is_keyframe).toBe(true);
  });

  it('is refused with advice when it is too large', async () => {
    const many = await failure(batch({ device_ids: Array.from({ length: 65 }, () => 'h264') }));
    expect(many).toMatchObject({ code: status.INVALID_ARGUMENT, details: expect.stringContaining('1 to 64') });
    expect((await failure(batch({ device_ids: [] }))).code).toBe(status.INVALID_ARGUMENT);
    const large = await failure(batch({ device_ids: Array.from({ length: 9 }, () => 'full-hd') }));
    expect(large).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      details: expect.stringContaining('smaller frames'),
    });
    const small = await batch({
      device_ids: Array.from({ length: 64 }, () => 'full-hd'),
      terms: { width: 320, key_frame_only: true },
    });
    expect(small.items.every(({ frame }) => frame?.width === 320)).toBe(true);
  });

  describe('that takes longer than its caller allows', () => {
    /** A request for many last frames of a group. The whole group is decoded for each of them. */
    const long = async (): Promise<object> => {
      const frames = await listed(scene.proxy, 'full-hd');
      const lastOfGroup = frames.findLast((_, index) => frames[index + 1]?.keyframe === true);
      const device_ids = Array.from({ length: 64 }, () => 'full-hd');
      return { device_ids, timestamp: lastOfGroup?.timestamp, terms: { width: 320 } };
    };

    it('has the frames that are ready by the deadline, and reports the others', async () => {
      // How long the first frame takes depends on the machine.
      let deadlineMs = FIRST_DEADLINE_MS;
      let { items } = await batch(await long(), deadlineMs);
      while (items.every(({ code }) => code !== 0) && deadlineMs < BOUND_MS) {
        deadlineMs *= 1.25;
        ({ items } = await batch(await long(), deadlineMs));
      }
      const late = items.filter(({ code }) => code !== 0);
      expect(items.length).toBe(64);
      expect(late.length).toBeGreaterThan(0);
      expect(items.length - late.length).toBeGreaterThan(0);
      for (const item of late) {
        expect(item).toMatchObject({ frame: null, code: status.DEADLINE_EXCEEDED });
        expect(item.error).toContain('Allow more time');
      }
    });

    it('ends with DEADLINE_EXCEEDED when there is no time at all', async () => {
      const request = await long();
      // Either an answer that reports all of them arrives, or the deadline ends the call.
      const code = await batch(request, 20).then(
        ({ items }) => items.at(-1)?.code,
        (error: unknown) => (error as { code: status }).code,
      );
      expect(code).toBe(status.DEADLINE_EXCEEDED);
    });

    it('leaves nothing running, and the next batch is answered', async () => {
      const request = await long();
      for (let call = 0; call < 20; call += 1) await batch(request, 60 + 10 * call).catch(() => undefined);
      const { items } = await batch({ device_ids: DEVICES, timestamp: Date.now() - 2000 });
      expect(items.map(({ code }) => code)).toEqual([0, 0, 0]);
      // The history workers end when they have been idle for some seconds.
      await waitFor('the threads of the history to end', BOUND_MS, () => scene.proxy.usage().threads <= idleThreads);
    });
  });
});
