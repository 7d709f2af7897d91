/** The main thread's side of an outbox: its messages to the thread, and the end of calls when the thread has problems. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLogger } from '../../../src/base/log.js';
import type { OutboxData } from '../../../src/outbox/messages.js';
import { Outbox, type OutboxOptions } from '../../../src/outbox/outbox.js';
import { waitFor } from '../../support/wait.js';
import { hurriedClock } from '../fixtures/supervision.js';
import { DATA, itemOf } from './fixture.js';

const BOUND_MS = 15_000;
/** A clock that runs faster: 30 s take 0.25 s. */
const HURRY = 120;

let outbox: Outbox;
let lines: string[];
let stopping: AbortController;
let count = 0;

beforeEach(() => {
  lines = [];
  stopping = new AbortController();
});
afterEach(() => outbox.stop());

function options(data: Partial<OutboxData> = {}): OutboxOptions {
  const stream = { write: (line: string) => void lines.push((JSON.parse(line) as { msg: string }).msg) };
  return {
    data: { ...DATA, ...data },
    logger: createLogger({ mode: 'release', stream }),
    clock: hurriedClock(HURRY),
    stopping: stopping.signal,
    workerUrl: new URL('../fixtures/fake-outbox-worker.mjs', import.meta.url),
  };
}

async function open(): Promise<void> {
  outbox = await Outbox.open(options());
}

function store(camera: string, type = 'moving', isGone = false): Promise<string> {
  count += 1;
  return outbox.store(itemOf(count, { camera, type }), { isGone: () => isGone });
}

/** The error of the call. */
const refusal = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'it was stored',
    (error: unknown) => error,
  );
const release = (): void => {
  outbox.useKeys({ edgeKey: 'other', edgeSecret: 'secret' });
};
const stored = (): string[] => lines.filter((line) => line.startsWith('store '));
const unavailable = (text: string): unknown =>
  expect.objectContaining({ kind: 'unavailable', message: expect.stringContaining(text) });

describe('a call', () => {
  it('is stored together with other calls that arrive at the same time or while a transaction runs', async () => {
    await open();
    const first = [store('a', 'hold'), store('b')];
    await waitFor('the first two', BOUND_MS, () => stored().length === 1);
    const later = [store('c'), store('d'), store('e')];
    release();
    await Promise.all([...first, ...later]);
    expect(stored()).toEqual(['store a,b', 'store c,d,e']);
  });

  it('that has ended before its turn is not stored', async () => {
    await open();
    const first = store('a', 'hold');
    await waitFor('the first', BOUND_MS, () => stored().length === 1);
    const [gone, later] = [refusal(store('gone', 'moving', true)), store('c')];
    release();
    await Promise.all([first, later]);
    expect(await gone).toMatchObject({ kind: 'deadline_exceeded' });
    expect(stored()).toEqual(['store a', 'store c']);
  });

  it('fails with the reason when the queue is full; earlier calls are stored', async () => {
    await open();
    const calls = [store('a', 'full'), store('b'), store('c')].map(refusal);
    const full = expect.objectContaining({ kind: 'resource_exhausted', message: 'The queue is full.' });
    expect(await Promise.all(calls)).toEqual(['it was stored', full, full]);
  });

  it('fails with UNAVAILABLE when the disk does not answer', async () => {
    await open();
    const calls = [refusal(store('a', 'hold'))];
    await waitFor('the first to be sent to the thread', BOUND_MS, () => stored().length === 1);
    calls.push(refusal(store('b')));
    expect(await Promise.all(calls)).toEqual([unavailable('disk'), unavailable('disk')]);
    release();
    await waitFor('the next to be stored', BOUND_MS, async () => (await refusal(store('c'))) === 'it was stored');
  });

  it('fails with UNAVAILABLE when the thread crashes, which is started again', async () => {
    await open();
    expect(await refusal(store('a', 'crash'))).toEqual(unavailable('a bug'));
    await waitFor('the next to be stored', BOUND_MS, async () => (await refusal(store('b'))) === 'it was stored');
    expect(lines.join()).toContain('The thread that stores things ended (a bug); it is started again after 1 s');
  });

  it('fails with UNAVAILABLE when the proxy stops, also when it waits for a transaction', async () => {
    await open();
    const calls = [refusal(store('a', 'hold'))];
    await waitFor('the first to be sent to the thread', BOUND_MS, () => stored().length === 1);
    calls.push(refusal(store('b')));
    stopping.abort();
    calls.push(refusal(store('c')));
    await outbox.stop();
    calls.push(refusal(store('d')));
    expect(await Promise.all(calls)).toEqual(Array(4).fill(unavailable('shutting down')));
  });
});

describe('a question', () => {
  it('gets its answer', async () => {
    await open();
    expect(await outbox.handleRefused('requeue', undefined)).toBe(7);
  });

  it('fails with UNAVAILABLE when the disk does not answer', async () => {
    await open();
    await expect(outbox.status()).rejects.toEqual(unavailable('disk'));
  });
});

it('does not open with a database that cannot be used', async () => {
  await expect(Outbox.open(options({ dataDir: 'damaged' }))).rejects.toMatchObject({
    kind: 'failed_precondition',
    message: 'The database is damaged.',
  });
});
