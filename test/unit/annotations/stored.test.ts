/** Main's side of the annotations: what it hands over, and what becomes of callers when the other side has troubles. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StoredAnnotations, type StoredAnnotationsOptions } from '../../../src/annotations/stored-annotations.js';
import { createLogger } from '../../../src/base/log.js';
import { waitFor } from '../../support/wait.js';
import { annotateRequest } from './fixture.js';
import { hurriedClock } from '../fixtures/supervision.js';

const BOUND_MS = 15_000;
/** 30 seconds become a quarter of one. */
const HURRY = 120;

let annotations: StoredAnnotations;
let lines: string[];
let stopping: AbortController;

beforeEach(() => {
  lines = [];
  stopping = new AbortController();
});
afterEach(() => annotations.stop());

function options(more: Partial<StoredAnnotationsOptions> = {}): StoredAnnotationsOptions {
  const stream = { write: (line: string) => void lines.push((JSON.parse(line) as { msg: string }).msg) };
  return {
    dataDir: '/nowhere',
    endpoint: 'http://127.0.0.1:1/',
    timeoutMs: 1000,
    mode: 'cloud',
    unackedLimit: 10,
    pollDurationMs: 10,
    maxBatchSize: 10,
    maxQueue: 10,
    keepMs: 1000,
    sendEvidence: false,
    evidenceMaxBytes: 1 << 20,
    keys: { edgeKey: 'key', edgeSecret: 'secret' },
    logger: createLogger({ mode: 'release', stream }),
    clock: hurriedClock(HURRY),
    stopping: stopping.signal,
    workerUrl: new URL('../fixtures/fake-annotation-worker.mjs', import.meta.url),
    ...more,
  };
}

async function open(more: Partial<StoredAnnotationsOptions> = {}): Promise<void> {
  annotations = await StoredAnnotations.open(options(more));
}

function annotate(deviceName: string, type = 'moving', isGone = false): Promise<string> {
  const request = annotateRequest({ deviceName, type, startTimestamp: Date.now() });
  return annotations.annotate(request, { isGone: () => isGone });
}

/** What the call fails with. */
const refusal = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'it was taken',
    (error: unknown) => error,
  );
const release = (): void => {
  annotations.useKeys({ edgeKey: 'other', edgeSecret: 'secret' });
};
const stored = (): string[] => lines.filter((line) => line.startsWith('store '));
const unavailable = (text: string): unknown =>
  expect.objectContaining({ kind: 'unavailable', message: expect.stringContaining(text) });

describe('calls', () => {
  it('of one moment are stored together, and those that come meanwhile by the next transaction', async () => {
    await open();
    const first = [annotate('a', 'hold'), annotate('b')];
    await waitFor('the first two', BOUND_MS, () => stored().length === 1);
    const later = [annotate('c'), annotate('d'), annotate('e')];
    release();
    await Promise.all([...first, ...later]);
    expect(stored()).toEqual(['store a,b', 'store c,d,e']);
  });

  it('that have ended before their turn are not stored', async () => {
    await open();
    const first = annotate('a', 'hold');
    await waitFor('the first', BOUND_MS, () => stored().length === 1);
    const [gone, later] = [refusal(annotate('gone', 'moving', true)), annotate('c')];
    release();
    await Promise.all([first, later]);
    expect(await gone).toMatchObject({ kind: 'deadline_exceeded' });
    expect(stored()).toEqual(['store a', 'store c']);
  });

  it('for which there is no room fail with the reason, and the others do not', async () => {
    await open();
    const calls = [annotate('a', 'full'), annotate('b'), annotate('c')].map(refusal);
    const full = expect.objectContaining({ kind: 'resource_exhausted', message: 'The queue is full.' });
    expect(await Promise.all(calls)).toEqual(['it was taken', full, full]);
  });

  it('fail with UNAVAILABLE when the disk does not answer, and so do further ones', async () => {
    await open();
    const calls = [refusal(annotate('a', 'hold'))];
    await waitFor('it to be handed over', BOUND_MS, () => stored().length === 1);
    calls.push(refusal(annotate('b')));
    expect(await Promise.all(calls)).toEqual([unavailable('disk'), unavailable('disk')]);
    release();
    await waitFor('the next to be taken', BOUND_MS, async () => (await refusal(annotate('c'))) === 'it was taken');
  });

  it('fail with UNAVAILABLE when the thread crashes, which is started again', async () => {
    await open();
    expect(await refusal(annotate('a', 'crash'))).toEqual(unavailable('a bug'));
    await waitFor('the next to be taken', BOUND_MS, async () => (await refusal(annotate('b'))) === 'it was taken');
    expect(lines.join()).toContain('The thread that keeps annotations ended (a bug); it is started again after 1 s');
  });

  it('fail with UNAVAILABLE when the proxy stops, also those that wait', async () => {
    await open();
    const calls = [refusal(annotate('a', 'hold'))];
    await waitFor('it to be handed over', BOUND_MS, () => stored().length === 1);
    calls.push(refusal(annotate('b')));
    stopping.abort();
    calls.push(refusal(annotate('c')));
    await annotations.stop();
    calls.push(refusal(annotate('d')));
    expect(await Promise.all(calls)).toEqual(Array(4).fill(unavailable('shutting down')));
  });

  it('need keys in cloud mode only', async () => {
    await open({ keys: { edgeKey: 'key', edgeSecret: '' } });
    expect(await refusal(annotate('a'))).toMatchObject({
      kind: 'failed_precondition',
      message: expect.stringMatching(/no edge secret.*cloud set-key/),
    });
    release();
    await annotate('a');
    await annotations.stop();
    await open({ mode: 'local', keys: { edgeKey: '', edgeSecret: '' } });
    await annotate('a');
  });
});

it('questions are answered, or fail with the reason', async () => {
  await open();
  expect(await annotations.handleRefused('requeue', undefined)).toBe(7);
  const query = { camera: undefined, type: undefined, fromMs: 0, toMs: 1, after: undefined, limit: 1 };
  await expect(annotations.list(query)).rejects.toMatchObject({ kind: 'internal', message: 'a bug' });
  await expect(annotations.status()).rejects.toEqual(unavailable('disk'));
});

it('a database that is of no use keeps the proxy from starting', async () => {
  await expect(StoredAnnotations.open(options({ dataDir: 'damaged' }))).rejects.toMatchObject({
    kind: 'failed_precondition',
    message: 'The database is damaged.',
  });
});
