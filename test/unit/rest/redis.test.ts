import { afterEach, describe, expect, it } from 'vitest';
import type { PublisherStatus } from '../../../src/redis-publisher/types.js';
import { runCli } from '../cli/fixture.js';
import { NOW_MS, startRest, type RestFixture } from './fixture.js';

const STATUS: PublisherStatus = {
  connected: true,
  connection: 'redis.local:6379',
  database: 3,
  sinceMs: NOW_MS,
  message: '',
  publishFrames: 'demand',
  cameras: [
    { camera: 'yard', publishing: true, requested: 'keyframes', published: 12, dropped: 3, message: '' },
    {
      camera: 'gate',
      publishing: false,
      requested: 'nothing',
      published: 0,
      dropped: 0,
      message: 'a key is in the way',
    },
  ],
  events: { stored: 7, waiting: 1, lost: 2 },
};

let rest: RestFixture;
afterEach(() => rest.close());

async function start(status?: Partial<PublisherStatus>): Promise<void> {
  const bus = status === undefined ? undefined : { status: () => ({ ...STATUS, ...status }) };
  rest = await startRest({ redisPublisher: bus });
}

describe('the status of Redis', () => {
  it('shows what is published', async () => {
    await start({});
    expect((await rest.get('/api/v1/redis/status')).json()).toEqual({
      connected: true,
      connection: 'redis.local:6379',
      database: 3,
      since: NOW_MS,
      message: null,
      publish_frames: 'demand',
      cameras: [
        { camera: 'yard', publishing: true, asked: 'keyframes', published: 12, dropped: 3, message: null },
        { camera: 'gate', publishing: false, asked: null, published: 0, dropped: 0, message: 'a key is in the way' },
      ],
      events: { stored: 7, waiting: 1, lost: 2 },
    });
    const { exitCode, out } = await runCli(rest.port, ['redis', 'status']);
    expect(exitCode).toBe(0);
    expect(out).toBe(
      [
        'Redis:      redis.local:6379, database 3',
        'Connected:  since 2026-01-02T03:04:05.000Z',
        'Problem:    none',
        'Frames:     demand',
        'Events:     7 stored, 1 waiting, 2 lost while Redis was not connected',
        '',
        'CAMERA  PUBLISHED  REQUESTED  FRAMES  DROPPED  PROBLEM',
        'yard    yes        keyframes  12      3',
        'gate    no         -          0       0        a key is in the way',
        '',
      ].join('\n'),
    );
  });

  it('says why Redis is not connected, and then the command fails', async () => {
    await start({ connected: false, message: 'Redis at redis.local:6379 is away: refused.' });
    const { exitCode, err } = await runCli(rest.port, ['redis', 'status']);
    expect({ exitCode, err }).toEqual({
      exitCode: 1,
      err: 'chrysproxy: Redis at redis.local:6379 is away: refused.\n',
    });
  });

  it('says that no Redis is configured', async () => {
    await start();
    expect((await rest.get('/api/v1/redis/status')).json()).toMatchObject({ connected: false, connection: null });
    const { exitCode, out } = await runCli(rest.port, ['redis', 'status']);
    expect({ exitCode, out }).toEqual({ exitCode: 0, out: 'There is no Redis, because redis.connection is empty.\n' });
    const { exitCode: jsonCode, out: jsonOut } = await runCli(rest.port, ['redis', 'status', '--json']);
    expect(jsonCode).toBe(0);
    expect(JSON.parse(jsonOut)).toMatchObject({ connection: null, cameras: [] });
  });
});
