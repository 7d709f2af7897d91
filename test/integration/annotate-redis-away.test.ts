/** Annotations of a proxy whose Redis is stopped, flushed, full or frozen: none is lost. */
import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { annotationsStatus } from '../support/annotations.js';
import { BOUND_MS, delivers, NUMBERS, QUICK, senderIs, SharedQueue, shares } from '../support/shared-queue.js';
import { waitFor } from '../support/wait.js';

let queue: SharedQueue;

beforeEach(async () => {
  queue = await SharedQueue.start();
});
afterEach(() => queue.dispose());

describe('a proxy whose Redis', () => {
  it('is stopped stores annotations, reports that they wait, and delivers them when Redis is back', async () => {
    const proxy = await queue.proxy();
    await senderIs(proxy, 'this');
    await queue.redis.stop();
    await queue.annotate(proxy, 'one');
    const { paused, queued } = await annotationsStatus(proxy);
    expect(queued).toBe(NUMBERS.length);
    expect(paused).toMatch(/wait on the disk of this machine. Redis at \S+ is away/);
    await queue.redis.restart();
    await delivers(proxy, NUMBERS.length);
    queue.expectAll('one');
    await queue.nothingIsLeft();
  });

  it('is flushed loses nothing, and keeps the order', async () => {
    const proxy = await queue.proxy();
    queue.receiver.fault = { kind: 'status', status: 503 };
    await queue.annotate(proxy, 'one', NUMBERS.slice(0, 15));
    await shares(proxy, 15);
    await queue.redis.flush();
    await queue.annotate(proxy, 'one', NUMBERS.slice(15));
    queue.receiver.fault = undefined;
    await delivers(proxy, NUMBERS.length);
    queue.expectAll('one');
    await queue.nothingIsLeft();
  });

  it('restarts with an older snapshot delivers each annotation, some of them twice', async () => {
    const proxy = await queue.proxy();
    queue.receiver.fault = { kind: 'status', status: 503 };
    await queue.annotate(proxy, 'one', NUMBERS.slice(0, 15));
    await shares(proxy, 15);
    await (await queue.redis.client()).sendCommand(['SAVE']);
    queue.receiver.fault = undefined;
    await delivers(proxy, 15);
    queue.receiver.fault = { kind: 'status', status: 503 };
    await queue.annotate(proxy, 'one', NUMBERS.slice(15));
    await shares(proxy, 15);
    await queue.redis.restart();
    queue.receiver.fault = undefined;
    await delivers(proxy, NUMBERS.length);
    await queue.nothingIsLeft();
    queue.expectAll('one');
    expect(queue.receiver.accepted.length).toBeGreaterThan(NUMBERS.length);
  });

  it('is frozen answers Annotate', async () => {
    const proxy = await queue.proxy();
    await senderIs(proxy, 'this');
    queue.redis.freeze();
    await queue.annotate(proxy, 'one');
    await waitFor('the outage to be reported', BOUND_MS, async () => (await annotationsStatus(proxy)).paused !== null);
    queue.redis.thaw();
    await delivers(proxy, NUMBERS.length);
    queue.expectAll('one');
  });

  it('is full keeps annotations on the disk, and delivers the annotations that are in Redis', async () => {
    const proxy = await queue.proxy();
    queue.receiver.fault = { kind: 'status', status: 503 };
    await queue.annotate(proxy, 'one', NUMBERS.slice(0, 15));
    await shares(proxy, 15);
    await (await queue.redis.client()).configSet('maxmemory', '1');
    await queue.annotate(proxy, 'one', NUMBERS.slice(15));
    await waitFor('the reason', BOUND_MS, async () => (await annotationsStatus(proxy)).paused?.includes('OOM'));
    queue.receiver.fault = undefined;
    await waitFor(
      'the annotations in Redis to be delivered',
      BOUND_MS,
      async () => (await annotationsStatus(proxy)).delivered === 15,
    );
    await (await queue.redis.client()).configSet('maxmemory', '0');
    await delivers(proxy, NUMBERS.length);
    queue.expectAll('one');
  });

  it('is removed from its configuration delivers the annotations itself', async () => {
    const proxy = await queue.proxy();
    queue.receiver.fault = { kind: 'status', status: 503 };
    await queue.annotate(proxy, 'one');
    await shares(proxy, NUMBERS.length);
    await proxy.kill9();
    queue.receiver.fault = undefined;
    const annotation = { ...QUICK, endpoint: queue.receiver.url };
    writeFileSync(proxy.configFile, stringify({ port: proxy.restPort, grpc_port: proxy.grpcPort, annotation }));
    await proxy.resume();
    await delivers(proxy, NUMBERS.length);
    queue.expectAll('one');
    expect((await annotationsStatus(proxy)).redis).toBeNull();
  });
});
