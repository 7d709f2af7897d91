/** How events reach the outbox, and what REST and the command line report about them. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { OutboxStatus } from '../../../src/outbox/types.js';
import type { Clock } from '../../../src/base/clock.js';
import { ChrysError } from '../../../src/base/errors.js';
import { webhookCondition } from '../../../src/events/conditions.js';
import type { ProxyEvent } from '../../../src/events/event.js';
import { QueuedWebhooks } from '../../../src/events/webhooks.js';
import type { NewItem } from '../../../src/outbox/item.js';
import { FakeAnnotations } from '../annotations/fixture.js';
import { runCli } from '../cli/fixture.js';
import { NOW_MS, startRest } from '../rest/fixture.js';

const URL_WITH_PASSWORD = 'https://me:geheim@hooks.example/x';

/** A clock that the test advances. */
class ManualClock implements Clock {
  #nowMs = NOW_MS;
  #alarms: { readonly atMs: number; readonly action: () => void }[] = [];
  nowMs = (): number => this.#nowMs;
  monotonicMs = (): number => this.#nowMs;
  after = (delayMs: number, action: () => void): (() => void) => {
    const alarm = { atMs: this.#nowMs + delayMs, action };
    this.#alarms.push(alarm);
    return () => {
      this.#alarms = this.#alarms.filter((other) => other !== alarm);
    };
  };

  async pass(ms: number): Promise<void> {
    this.#nowMs += ms;
    const due = this.#alarms.filter(({ atMs }) => atMs <= this.#nowMs);
    this.#alarms = this.#alarms.filter(({ atMs }) => atMs > this.#nowMs);
    for (const { action } of due) action();
    await settled();
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A queue that stores every item, or fails with `failure`. */
class FakeQueue {
  readonly stored: NewItem[] = [];
  readonly annotations = new FakeAnnotations();
  failure: ChrysError | undefined;

  store(annotation: NewItem): Promise<string> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    this.stored.push(annotation);
    return Promise.resolve(annotation.id);
  }

  status = (): Promise<OutboxStatus> => this.annotations.status();
  checkEndpoint = (): ReturnType<FakeAnnotations['checkEndpoint']> => this.annotations.checkEndpoint();
  useKeys = (): void => undefined;
  stop = (): Promise<void> => Promise.resolve();
  get states(): unknown[] {
    return this.stored.map(({ json }) => (JSON.parse(json) as { state: unknown }).state);
  }
}

let clock: ManualClock;
let queue: FakeQueue;
let log: string[];
let webhooks: QueuedWebhooks;
let count = 0;

beforeEach(() => {
  [clock, queue, log] = [new ManualClock(), new FakeQueue(), []];
  const write = (text: unknown): void => void log.push(String(text));
  const logger = { warn: write, info: write };
  webhooks = new QueuedWebhooks({ queue, url: URL_WITH_PASSWORD, events: ['camera', 'recording'], clock, logger });
});

function tell(state: string, more: Partial<ProxyEvent> = {}): void {
  count += 1;
  webhooks.onEvent({
    id: `event-${count}`,
    atMs: clock.nowMs(),
    type: 'camera',
    camera: 'yard',
    state,
    reason: '',
    message: '',
    ...more,
  });
}

describe('an event', () => {
  it('is stored at once, as it is sent', async () => {
    tell('reconnecting', { reason: 'refused', message: 'Nothing listens there.' });
    await settled();
    expect(queue.stored.map(({ json }) => JSON.parse(json) as unknown)).toEqual([
      {
        id: `event-${count}`,
        device_name: 'yard',
        type: 'camera',
        start_timestamp: NOW_MS,
        state: 'reconnecting',
        reason: 'refused',
        message: 'Nothing listens there.',
      },
    ]);
  });

  it('of a type that is not configured is ignored', async () => {
    tell('away', { type: 'redis', camera: '' });
    await settled();
    expect(queue.stored).toEqual([]);
  });

  it('of a camera that flaps is sent once a second, if the state has changed', async () => {
    for (const state of ['running', 'reconnecting', 'running', 'failed']) tell(state);
    await settled();
    expect(queue.states).toEqual(['running']);
    await clock.pass(1000);
    expect(queue.states).toEqual(['running', 'failed']);
    tell('running');
    tell('failed');
    await clock.pass(1000);
    await clock.pass(1000);
    expect(queue.states).toEqual(['running', 'failed']);
    tell('running');
    await settled();
    expect(queue.states).toEqual(['running', 'failed', 'running']);
  });

  it('does not delay events of other cameras, and stays in order within its camera', async () => {
    tell('running');
    tell('failing', { type: 'recording' });
    tell('reconnecting');
    tell('running', { camera: 'gate' });
    await settled();
    expect(queue.stored.map(({ camera }) => camera)).toEqual(['yard', 'gate']);
    await clock.pass(1000);
    expect(queue.states).toEqual(['running', 'running', 'failing', 'reconnecting']);
  });

  it('waits while the outbox is not available', async () => {
    queue.failure = new ChrysError('unavailable', 'The thread is started again.');
    tell('reconnecting');
    tell('running', { camera: 'gate' });
    await clock.pass(1000);
    expect(queue.stored).toEqual([]);
    queue.failure = undefined;
    await clock.pass(1000);
    expect(queue.states).toEqual(['reconnecting', 'running']);
    expect((await webhooks.status()).dropped).toBe(0);
  });

  it('is lost, counted and logged once when the queue is full', async () => {
    queue.failure = new ChrysError('resource_exhausted', 'The queue of events is full.');
    for (const camera of ['one', 'two', 'three']) tell('running', { camera });
    await settled();
    expect((await webhooks.status()).dropped).toBe(3);
    queue.failure = undefined;
    tell('running', { camera: 'four' });
    await settled();
    expect(queue.stored.map(({ camera }) => camera)).toEqual(['four']);
    expect(log).toEqual([expect.stringContaining('queue of events is full'), expect.stringContaining('3 were lost')]);
  });

  it('that is delayed is stored when the proxy stops', async () => {
    tell('running');
    tell('reconnecting');
    await webhooks.stop();
    expect(queue.states).toEqual(['running', 'reconnecting']);
  });
});

describe('the status of webhooks', () => {
  it('has the password masked', async () => {
    queue.annotations.state = { ...queue.annotations.state, queued: 2, paused: 'The endpoint is away.' };
    const rest = await startRest({ webhooks });
    expect((await rest.get('/api/v1/webhooks/status')).json()).toEqual({
      url: 'https://me:***@hooks.example/x',
      events: ['camera', 'recording'],
      queued: 2,
      in_flight: 0,
      delivered: 0,
      dropped: 0,
      oldest_age_ms: null,
      paused: 'The endpoint is away.',
      next_attempt: null,
      last_error: null,
      last_error_at: null,
    });
    expect((await runCli(rest.port, ['webhooks', 'status'])).out).toMatch(/Paused: +The endpoint is away\./);
    await rest.close();
    expect(await webhookCondition(webhooks)).toMatchObject({ type: 'webhooks', state: 'waiting', isUsual: false });
  });

  it('says that there is no URL, and then there is no test event', async () => {
    const rest = await startRest();
    expect((await rest.get('/api/v1/webhooks/status')).json()).toMatchObject({ url: null, queued: 0 });
    expect(await runCli(rest.port, ['webhooks', 'status'])).toMatchObject({
      exitCode: 0,
      out: expect.stringContaining('webhook.url is empty'),
    });
    expect(await runCli(rest.port, ['webhooks', 'test'])).toMatchObject({
      err: expect.stringContaining('webhook.url is empty'),
    });
    await rest.close();
  });
});
