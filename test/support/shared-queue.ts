/** Proxies that share a queue in Redis, and the receiver that all of them send to. */
import { expect } from 'vitest';
import { AnnotationReceiver } from './annotation-receiver.js';
import { annotate, annotationsStatus, KEYS } from './annotations.js';
import { ImageClient } from './grpc-client.js';
import { Proxy } from './proxy.js';
import { type RawRedis, RedisServer } from './redis-server.js';
import { waitFor } from './wait.js';

export const BOUND_MS = 90_000;
/** The numbers that the annotations of each camera have in custom_meta_1. */
export const NUMBERS: readonly string[] = Array.from({ length: 30 }, (_, number) => String(number));
/** Short times for the `annotation` part of the configuration. */
export const QUICK = { poll_duration_ms: 50, timeout_ms: 5000, max_batch_size: 8, unacked_limit: 20 };
const QUEUE = 'chrysproxy:annotations';

export class SharedQueue {
  readonly #proxies: Proxy[] = [];
  readonly #clients = new Map<Proxy, ImageClient>();

  private constructor(
    readonly redis: RedisServer,
    readonly receiver: AnnotationReceiver,
  ) {}

  /** Starts Redis and the receiver. After a restart, Redis has only the data of its last SAVE. */
  static async start(): Promise<SharedQueue> {
    return new SharedQueue(await RedisServer.start({ durable: false }), await AnnotationReceiver.start());
  }

  async dispose(): Promise<void> {
    for (const client of this.#clients.values()) client.close();
    await Promise.all(this.#proxies.map((proxy) => proxy.dispose()));
    await Promise.all([this.redis.dispose(), this.receiver.stop()]);
    expect(this.receiver.complaints).toEqual([]);
  }

  async proxy(endpoint = this.receiver.url): Promise<Proxy> {
    const annotation = { ...QUICK, endpoint };
    const proxy = await Proxy.start({ config: { annotation, redis: { connection: this.redis.connection } } });
    this.#proxies.push(proxy);
    await proxy.rest('POST', '/api/v1/settings', KEYS);
    this.#clients.set(proxy, new ImageClient(proxy.grpcAddress, 'unary'));
    return proxy;
  }

  async annotate(proxy: Proxy, camera: string, numbers = NUMBERS): Promise<void> {
    const client = this.#clients.get(proxy);
    if (client === undefined) throw new Error('This proxy is not part of the shared queue');
    for (const number of numbers) await annotate(client, camera, { custom_meta_1: number });
  }

  /** Checks that each number of these cameras was received, in order, under one id. */
  expectAll(...cameras: string[]): void {
    for (const camera of cameras) expect(this.receiver.firstOf(camera)).toEqual(NUMBERS);
    expect(this.receiver.ids.size).toBe(cameras.length * NUMBERS.length);
  }

  async nothingIsLeft(): Promise<void> {
    const client = await this.redis.client();
    await waitFor('Redis to be empty', BOUND_MS, async () => {
      const left = await leftIn(client);
      return Object.values(left).every((count) => count === 0);
    });
  }
}

export async function senderIs(proxy: Proxy, sender: 'this' | 'other'): Promise<void> {
  await waitFor(`the sender to be "${sender}"`, BOUND_MS, async () => {
    return (await annotationsStatus(proxy)).redis?.sender === sender;
  });
}

export async function shares(proxy: Proxy, count: number): Promise<void> {
  await waitFor(`${count} annotations in Redis`, BOUND_MS, async () => {
    return (await annotationsStatus(proxy)).redis?.shared === count;
  });
}

/** Waits until the proxy that stored the annotations reports that all are delivered. */
export async function delivers(proxy: Proxy, count: number): Promise<void> {
  await waitFor(`${count} annotations to be delivered`, BOUND_MS, async () => {
    const { delivered, queued } = await annotationsStatus(proxy);
    return delivered === count && queued === 0;
  });
}

/** Numbers of entries in Redis. `ids` and `done`: annotations whose result the proxy that stored them has not read yet. */
async function leftIn(client: RawRedis): Promise<Record<'entries' | 'pending' | 'ids' | 'done', number>> {
  const count = async (keys: string, of: (key: string) => Promise<number>): Promise<number> => {
    const counts = await Promise.all((await client.keys(keys)).map(of));
    return counts.reduce((sum, one) => sum + one, 0);
  };
  return {
    entries: await client.xLen(QUEUE),
    pending: (await client.xPending(QUEUE, 'senders')).pending,
    ids: await count(`${QUEUE}:ids:*`, (key) => client.hLen(key)),
    done: await count(`${QUEUE}:done:*`, (key) => client.xLen(key)),
  };
}
