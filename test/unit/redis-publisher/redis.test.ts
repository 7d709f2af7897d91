/** Requests, events and states of the publisher, with a real Redis and a controlled clock. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { writeTable } from '../../../src/redis-publisher/camera-table.js';
import { EventQueue } from '../../../src/redis-publisher/event-queue.js';
import { isKeyOfAnother } from '../../../src/redis-publisher/keys.js';
import { RequestWatch } from '../../../src/redis-publisher/request-watch.js';
import { redisMessageOf } from '../../../src/redis/redis-errors.js';
import type { RedisClient } from '../../../src/redis/redis-link.js';
import { RedisServer } from '../../support/redis-server.js';
import { StillClock } from '../fixtures/still-clock.js';

let redis: RedisServer;
let client: RedisClient;

beforeAll(async () => {
  redis = await RedisServer.start({ durable: false });
  client = await redis.client();
});

afterAll(async () => {
  await redis.dispose();
});

beforeEach(async () => {
  await redis.flush();
});

describe('RequestWatch', () => {
  let clock: StillClock;
  let watch: RequestWatch;
  let requests: string[];

  beforeEach(() => {
    clock = new StillClock();
    requests = [];
    watch = new RequestWatch(clock, (id, requested) => requests.push(`${id} ${requested}`));
    watch.add(1, 'one');
    watch.add(2, 'two');
  });

  const query = (camera: string, value: string | number): Promise<number> =>
    client.hSet(`last_access_time_${camera}`, 'last_query', value);

  it('reports nothing while no program writes a key, or only an old one exists', async () => {
    await query('one', clock.nowMs() - 11_000);
    await watch.poll(client);
    await watch.poll(client);
    expect(requests).toEqual([]);
  });

  it('reports a request that was made shortly before the proxy started', async () => {
    await query('one', clock.nowMs() - 9000);
    await watch.poll(client);
    expect(requests).toEqual(['1 all']);
  });

  it('does not depend on the clocks of programs', async () => {
    await query('one', clock.nowMs() - 3_600_000);
    await watch.poll(client);
    await query('one', clock.nowMs() - 3_599_000);
    await watch.poll(client);
    expect(requests).toEqual(['1 all']);
  });

  it('reports each query, and the end of the request 10 s after the last one', async () => {
    await watch.poll(client);
    await query('two', 1);
    await watch.poll(client);
    clock.advance(9000);
    await query('two', 2);
    await watch.poll(client);
    clock.advance(9999);
    await watch.poll(client);
    watch.expire();
    expect(requests).toEqual(['2 all', '2 all']);
    clock.advance(1);
    watch.expire();
    watch.expire();
    expect(requests).toEqual(['2 all', '2 all', '2 nothing']);
  });

  it('reports keyframes while the key for keyframes is true', async () => {
    await watch.poll(client);
    await client.set('is_key_frame_only_one', 'true');
    await query('one', 1);
    await watch.poll(client);
    await client.set('is_key_frame_only_one', 'false');
    await watch.poll(client);
    expect(requests).toEqual(['1 keyframes', '1 all']);
  });

  it.each(['', 'now', '-5', '1e99', '12345678901234567'])('ignores "%s" as a query', async (value) => {
    await watch.poll(client);
    await query('one', value);
    await watch.poll(client);
    expect(requests).toEqual([]);
  });

  it('reads the keys of one camera although a key of another has the wrong type', async () => {
    await client.set('last_access_time_one', 'no hash');
    await watch.poll(client);
    await query('two', 1);
    await watch.poll(client);
    expect(requests).toEqual(['2 all']);
  });
});

describe('EventQueue', () => {
  const event = (id: number): { id: string } => ({ id: String(id) });
  const stored = async (): Promise<(string | undefined)[]> =>
    ((await client.xRange('p:events', '-', '+')) ?? []).map(({ message }) => message['id']);

  it('stores waiting events in order, and drops the oldest beyond 1000', async () => {
    const queue = new EventQueue('p:events');
    for (let id = 1; id <= 1200; id += 1) queue.add(event(id));
    expect(queue.counts).toEqual({ stored: 0, waiting: 1000, lost: 200 });
    await queue.flush(client);
    expect(await stored()).toEqual(Array.from({ length: 1000 }, (_, index) => String(index + 201)));
    expect(queue.counts).toEqual({ stored: 1000, waiting: 0, lost: 200 });
  });

  it('keeps events that Redis refuses', async () => {
    await client.set('p:events', 'in the way');
    const queue = new EventQueue('p:events');
    queue.add(event(1));
    const refusal: unknown = await queue.flush(client).catch((error: unknown) => error);
    expect(redisMessageOf(refusal)).toMatch(/^WRONGTYPE/);
    expect(queue.counts.waiting).toBe(1);
    await client.del('p:events');
    queue.add(event(2));
    await queue.flush(client);
    expect(await stored()).toEqual(['1', '2']);
  });
});

describe('writeTable', () => {
  it('writes exactly the current cameras and their codecs, with an expiry', async () => {
    const row = (camera: string) => ({ camera, json: `"${camera}"`, codec: Buffer.from(`codec of ${camera}`) });
    await writeTable(client, 'p:cameras', [row('one'), row('two')]);
    await writeTable(client, 'p:cameras', [row('two'), { ...row('three'), codec: undefined }]);
    expect(await client.hGetAll('p:cameras')).toEqual({ two: '"two"', three: '"three"' });
    expect(await client.get('codec_video_infotwo')).toBe('codec of two');
    for (const key of ['p:cameras', 'codec_video_infotwo', 'codec_video_infoone']) {
      expect(await client.pTTL(key)).toBeGreaterThan(0);
    }
    await writeTable(client, 'p:cameras', []);
    expect(await client.exists('p:cameras')).toBe(0);
  });
});

it('recognizes camera names that can be keys of another camera', () => {
  const names = ['last_access_time_a', 'is_key_frame_only_a', 'codec_video_infoa', 'in_memory_queue_a', 'a', 'codec'];
  expect(names.filter(isKeyOfAnother)).toEqual(names.slice(0, 4));
});
