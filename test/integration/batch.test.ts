/** VideoBatch: several cameras at one moment. */
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Farm } from '../farm/farm.js';
import { readBarcode } from '../support/barcode.js';
import { failure, type Frame, ImageClient } from '../support/grpc-client.js';
import { listed } from '../support/history.js';
import { Proxy } from '../support/proxy.js';
import { take } from '../support/take.js';
import { waitFor } from '../support/wait.js';

const DEVICES = ['h264', 'hevc', 'reordered'];
const FRAME_MS = 40;

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
  let farm: Farm;
  let proxy: Proxy;
  let client: ImageClient;
  let idleThreads: number;

  beforeAll(async () => {
    farm = await Farm.start({
      mounts: [
        { path: 'h264', clip: 'h264-640x480-25-g50' },
        { path: 'hevc', clip: 'hevc-640x360-25-g50' },
        { path: 'reordered', clip: 'h264-640x480-25-g50-b2' },
        { path: 'full-hd', clip: 'h264-1920x1080-25-g50' },
      ],
    });
    proxy = await Proxy.start({ config: { buffer: { in_memory: 100 } } });
    for (const device of [...DEVICES, 'full-hd']) await proxy.addCamera(device, farm.url(device));
    client = new ImageClient(proxy.grpcAddress, 'unary');
    for (const device of DEVICES) {
      await waitFor(`${device} to fill its memory`, 30_000, async () => (await listed(proxy, device)).length >= 100);
    }
    idleThreads = proxy.usage().threads;
  });

  afterAll(async () => {
    client.close();
    await proxy.dispose();
    await farm.stop();
  });

  const batch = async (request: object, deadlineMs?: number): Promise<Batch> =>
    (await client.unary('VideoBatch', request, deadlineMs)) as Batch;

  it('has the frame of each camera that is nearest to a moment of the past, in the order of the request', async () => {
    const timestamp = Date.now() - 2000;
    const { items, timestamp: moment } = await batch({ device_ids: DEVICES, timestamp });
    expect(moment).toBe(timestamp);
    expect(items.map(({ device_id }) => device_id)).toEqual(DEVICES);
    for (const { device_id, frame, skew_ms, error, code } of items) {
      expect([error, code]).toEqual(['', 0]);
      expect(frame?.device_id).toBe(device_id);
      expect(readBarcode(frame!.data, frame!.width, frame!.height)).not.toBe('torn');
      expect(skew_ms).toBe(frame!.timestamp - timestamp);
      const frames = await listed(proxy, device_id);
      const least = Math.min(...frames.map((one) => Math.abs(one.timestamp - timestamp)));
      expect(Math.abs(Math.abs(skew_ms) - least)).toBeLessThanOrEqual(1);
    }
  });

  it('has what is there now, also without anybody who asks for live frames', async () => {
    const { items, timestamp } = await batch({ device_ids: DEVICES, terms: { width: 320 } });
    expect(Math.abs(Date.now() - timestamp)).toBeLessThan(5000);
    for (const { frame, skew_ms } of items) {
      expect(frame?.width).toBe(320);
      expect(Math.abs(skew_ms)).toBeLessThan(20 * FRAME_MS);
    }
    expect((await proxy.camera('h264')).chrysproxy.stats.decoding).toBe('idle');
  });

  it('has live frames when they are decoded anyway', async () => {
    await take(client, { device_id: 'h264' }, 5);
    const answers: Batch[] = [];
    // The second caller of the present is taken for one that comes again, and finds its camera decoding.
    for (let i = 0; i < 3; i += 1) answers.push(await batch({ device_ids: ['h264'] }));
    expect(answers.every(({ items: [item] }) => item?.error === '')).toBe(true);
    expect((await proxy.camera('h264')).chrysproxy.stats.decoding).toBe('all');
    const { items } = await batch({ device_ids: ['h264'] });
    expect(Math.abs(items[0]?.skew_ms ?? Infinity)).toBeLessThan(20 * FRAME_MS);
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

  it('refuses what is too much, and says what to do', async () => {
    const many = await failure(batch({ device_ids: Array.from({ length: 65 }, () => 'h264') }));
    expect(many).toMatchObject({ code: status.INVALID_ARGUMENT, details: expect.stringContaining('1 to 64') });
    expect((await failure(batch({ device_ids: [] }))).code).toBe(status.INVALID_ARGUMENT);
    const large = await failure(batch({ device_ids: Array.from({ length: 9 }, () => 'full-hd') }));
    expect(large).toMatchObject({ code: status.RESOURCE_EXHAUSTED, details: expect.stringContaining('smaller look') });
    const small = await batch({
      device_ids: Array.from({ length: 64 }, () => 'full-hd'),
      terms: { width: 320, key_frame_only: true },
    });
    expect(small.items.every(({ frame }) => frame?.width === 320)).toBe(true);
  });

  describe('that takes longer than its caller allows', () => {
    /** Each of them is the last frame of a group, for which the whole group is decoded: seconds in all. */
    const long = async (): Promise<object> => {
      const frames = await listed(proxy, 'full-hd');
      const lastOfGroup = frames.findLast((_, index) => frames[index + 1]?.keyframe === true);
      const device_ids = Array.from({ length: 64 }, () => 'full-hd');
      return { device_ids, timestamp: lastOfGroup?.timestamp, terms: { width: 320 } };
    };

    it('has what there is by the deadline, and reports the rest', async () => {
      const { items } = await batch(await long(), 1200);
      const late = items.filter(({ code }) => code !== 0);
      expect(items.length).toBe(64);
      expect(late.length).toBeGreaterThan(0);
      expect(items.length - late.length).toBeGreaterThan(0);
      for (const item of late) {
        expect(item).toMatchObject({ frame: null, code: status.DEADLINE_EXCEEDED });
        expect(item.error).toContain('allow more time');
      }
    });

    it('ends on time even when there is no time at all', async () => {
      const request = await long();
      const start = performance.now();
      // Whichever comes first: an answer that reports all of them, or the deadline itself.
      const code = await batch(request, 20).then(
        ({ items }) => items.at(-1)?.code,
        (error: unknown) => (error as { code: status }).code,
      );
      expect(code).toBe(status.DEADLINE_EXCEEDED);
      expect(performance.now() - start).toBeLessThan(5000);
    });

    it('leaves nothing running behind, and the next batch is answered', async () => {
      const request = await long();
      for (let call = 0; call < 20; call += 1) await batch(request, 60 + 10 * call).catch(() => undefined);
      const { items } = await batch({ device_ids: DEVICES, timestamp: Date.now() - 2000 });
      expect(items.map(({ code }) => code)).toEqual([0, 0, 0]);
      // Those that decode the past leave when they have been idle for some seconds.
      await waitFor('their threads to end', 30_000, () => proxy.usage().threads <= idleThreads);
    });
  });
});
