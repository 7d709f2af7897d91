/** Annotations of several proxies in one queue in Redis. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { annotationsStatus } from '../support/annotations.js';
import { BOUND_MS, delivers, NUMBERS, senderIs, SharedQueue, shares } from '../support/shared-queue.js';
import { waitFor } from '../support/wait.js';

let queue: SharedQueue;

beforeEach(async () => {
  queue = await SharedQueue.start();
});
afterEach(() => queue.dispose());

describe('proxies that share a queue', () => {
  it('deliver the annotations of a proxy that was killed while it sent them', async () => {
    const one = await queue.proxy();
    await senderIs(one, 'this');
    const other = await queue.proxy();
    queue.receiver.fault = { kind: 'hang' };
    await Promise.all([queue.annotate(one, 'one'), queue.annotate(other, 'two')]);
    await waitFor('a batch to be sent', BOUND_MS, () => queue.receiver.batches.length > 0);
    await Promise.all([shares(one, NUMBERS.length), shares(other, NUMBERS.length)]);
    await senderIs(other, 'other');
    expect((await annotationsStatus(other)).paused).toBeNull();
    await one.kill9();
    queue.receiver.fault = undefined;
    await delivers(other, NUMBERS.length);
    await waitFor(
      'the annotations of the killed proxy',
      BOUND_MS,
      () => queue.receiver.firstOf('one').length === NUMBERS.length,
    );
    queue.expectAll('one', 'two');
    await one.resume();
    await delivers(one, NUMBERS.length);
    await queue.nothingIsLeft();
    expect(queue.receiver.accepted).toHaveLength(queue.receiver.ids.size);
  });

  it('deliver the annotations of a proxy whose endpoint is away', async () => {
    const one = await queue.proxy('http://127.0.0.1:9/');
    await senderIs(one, 'this');
    await queue.annotate(one, 'one');
    await waitFor('a failure', BOUND_MS, async () => (await annotationsStatus(one)).paused !== null);
    const other = await queue.proxy();
    await senderIs(other, 'this');
    await delivers(one, NUMBERS.length);
    queue.expectAll('one');
    await queue.nothingIsLeft();
    await senderIs(one, 'other');
  });

  it('deliver the annotations of a proxy that has lost its key', async () => {
    const one = await queue.proxy();
    await senderIs(one, 'this');
    queue.receiver.fault = { kind: 'status', status: 401 };
    await queue.annotate(one, 'one');
    await one.rest('POST', '/api/v1/settings', { edge_key: '', edge_secret: '' });
    queue.receiver.fault = undefined;
    const other = await queue.proxy();
    await senderIs(other, 'this');
    await delivers(one, NUMBERS.length);
    queue.expectAll('one');
  });

  it('set refused annotations aside at the proxy that stored them, and requeue them from there', async () => {
    const one = await queue.proxy();
    await senderIs(one, 'this');
    const other = await queue.proxy();
    queue.receiver.fault = { kind: 'poison' };
    await queue.annotate(other, 'two', ['1', 'poison', '2']);
    await waitFor(
      'an annotation to be set aside',
      BOUND_MS,
      async () => (await annotationsStatus(other)).set_aside === 1,
    );
    const { text } = await other.rest('GET', '/api/v1/annotations/set-aside');
    expect(text).toContain('"custom_meta_1":"poison"');
    expect(text).toMatch(/"reason":"http:\S+ answered 400/);
    expect((await annotationsStatus(one)).set_aside).toBe(0);
    await delivers(other, 2);
    queue.receiver.fault = undefined;
    await other.rest('POST', '/api/v1/annotations/set-aside/requeue', { all: true });
    await delivers(other, 3);
    expect(queue.receiver.firstOf('two')).toEqual(['1', '2', 'poison']);
    expect(queue.receiver.accepted).toHaveLength(3);
    await queue.nothingIsLeft();
  });
});
