/** What the bus reads and writes besides frames, with a real Redis and a clock that is held still. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { writeTable } from '../../../src/redis-publisher/camera-table.js';
import { DemandWatch } from '../../../src/redis-publisher/demand-watch.js';
import { EventOutbox } from '../../../src/redis-publisher/event-outbox.js';
import { isKeyOfAnother } from '../../../src/redis-publisher/keys.js';
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

describe('what programs ask for', () => {
  let clock: StillClock;
  let watch: DemandWatch;
  let asked: string[];

  beforeEach(() => {
    clock = new StillClock();
    asked = [];
    watch = new DemandWatch(clock, (id, what) => asked.push(`${id} ${what}`));
    watch.add(1, 'one');
    watch.add(2, 'two');
  });

  const query = (camera: string, value: string | number): Promise<number> =>
    client.hSet(`last_access_time_${camera}`, 'last_query', value);

  it('is nothing without their keys, and when those are old', async () => {
    await query('one', clock.nowMs() - 11_000);
    await watch.look(client);
    await watch.look(client);
    expect(asked).toEqual([]);
  });

  it('is all frames when they asked a moment before the proxy started', async () => {
    await query('one', clock.nowMs() - 9000);
    await watch.look(client);
    expect(asked).toEqual(['1 all']);
  });

  it('does not depend on their clocks', async () => {
    await query('one', clock.nowMs() - 3_600_000);
    await watch.look(client);
    await query('one', clock.nowMs() - 3_599_000);
    await watch.look(client);
    expect(asked).toEqual(['1 all']);
  });

  it('is raised anew with each asking, and ends 10 s after the last', async () => {
    await watch.look(client);
    await query('two', 1);
    await watch.look(client);
    clock.advance(9000);
    await query('two', 2);
    await watch.look(client);
    clock.advance(9999);
    await watch.look(client);
    watch.expire();
    expect(asked).toEqual(['2 all', '2 all']);
    clock.advance(1);
    watch.expire();
    watch.expire();
    expect(asked).toEqual(['2 all', '2 all', '2 nothing']);
  });

  it('is keyframes as long as their key says so', async () => {
    await watch.look(client);
    await client.set('is_key_frame_only_one', 'true');
    await query('one', 1);
    await watch.look(client);
    await client.set('is_key_frame_only_one', 'false');
    await watch.look(client);
    expect(asked).toEqual(['1 keyframes', '1 all']);
  });

  it.each(['', 'now', '-5', '1e99', '12345678901234567'])('is nothing when they write "%s"', async (value) => {
    await watch.look(client);
    await query('one', value);
    await watch.look(client);
    expect(asked).toEqual([]);
  });

  it('of one camera is found although a key of another is of the wrong type', async () => {
    await client.set('last_access_time_one', 'no hash');
    await watch.look(client);
    await query('two', 1);
    await watch.look(client);
    expect(asked).toEqual(['2 all']);
  });
});

describe('events', () => {
  const event = (id: number): { id: string } => ({ id: String(id) });
  const stored = async (): Promise<(string | undefined)[]> =>
    ((await client.xRange('p:events', '-', '+')) ?? []).map(({ message }) => message['id']);

  it('are written in order, the newest thousand of those that could not be at once', async () => {
    const outbox = new EventOutbox('p:events');
    for (let id = 1; id <= 1200; id += 1) outbox.add(event(id));
    expect(outbox.counts).toEqual({ stored: 0, waiting: 1000, lost: 200 });
    await outbox.flush(client);
    expect(await stored()).toEqual(Array.from({ length: 1000 }, (_, index) => String(index + 201)));
    expect(outbox.counts).toEqual({ stored: 1000, waiting: 0, lost: 200 });
  });

  it('wait when Redis refuses them', async () => {
    await client.set('p:events', 'in the way');
    const outbox = new EventOutbox('p:events');
    outbox.add(event(1));
    const refusal: unknown = await outbox.flush(client).catch((error: unknown) => error);
    expect(redisMessageOf(refusal)).toMatch(/^WRONGTYPE/);
    expect(outbox.counts.waiting).toBe(1);
    await client.del('p:events');
    outbox.add(event(2));
    await outbox.flush(client);
    expect(await stored()).toEqual(['1', '2']);
  });
});

describe('the table of cameras', () => {
  it('has only those that there are, each with its codec, and goes when the proxy does', async () => {
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

it('a camera whose name might be a key of another one is told apart', () => {
  const names = ['last_access_time_a', 'is_key_frame_only_a', 'codec_video_infoa', 'in_memory_queue_a', 'a', 'codec'];
  expect(names.filter(isKeyOfAnother)).toEqual(names.slice(0, 4));
});
