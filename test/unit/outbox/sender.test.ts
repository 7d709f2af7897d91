import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NoAnswer, type EndpointAnswer } from '../../../src/cloud/endpoint.js';
import { Sender, type SenderParts } from '../../../src/outbox/sender.js';
import { ChrysError } from '../../../src/base/errors.js';
import { QueueDatabase } from '../../../src/outbox/queue-database.js';
import { waitFor } from '../../support/wait.js';
import { itemOf, NAMES, STORED_MS } from './fixture.js';

interface Post {
  readonly numbers: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  answer(status: number, more?: Partial<EndpointAnswer>): void;
  fail(): void;
}

const KEYS = { edgeKey: 'key', edgeSecret: 'secret' };

let dataDir: string;
let queue: QueueDatabase;
let sender: Sender;
let posts: Post[];
let logged: string[];
let nowMs: number;
let timers: { readonly atMs: number; readonly action: () => void }[];
/** Returns the status of each answer; undefined: the test answers. */
let verdict: ((numbers: readonly string[]) => number) | undefined;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'chrysproxy-sender-'));
  queue = new QueueDatabase(dataDir, NAMES);
  posts = [];
  logged = [];
  nowMs = STORED_MS + 1000;
  timers = [];
  verdict = undefined;
});
afterEach(async () => {
  await sender.stop(0);
  queue.close();
  rmSync(dataDir, { recursive: true });
});

function start(changes: Partial<SenderParts> = {}): void {
  sender = new Sender({
    names: NAMES,
    mode: 'cloud',
    unackedLimit: 100,
    pollDurationMs: 300,
    maxBatchSize: 8,
    queue,
    endpoint: { shownUrl: 'http://cloud/', post },
    clock: {
      nowMs: () => nowMs,
      monotonicMs: () => nowMs,
      after: (delayMs, action) => {
        const timer = { atMs: nowMs + delayMs, action };
        timers.push(timer);
        return () => {
          timers = timers.filter((other) => other !== timer);
        };
      },
    },
    random: () => 0.5,
    log: (level, text) => logged.push(`${level} ${text}`),
    ...changes,
  });
  sender.useKeys(KEYS);
}

function post(body: Buffer, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<EndpointAnswer> {
  const { data } = JSON.parse(body.toString()) as { data: { custom_meta_1: string }[] };
  const numbers = data.map((one) => one.custom_meta_1);
  return new Promise((resolve, reject) => {
    const fail = (): void => {
      reject(new NoAnswer('refused', 'nothing listens'));
    };
    const answer: Post['answer'] = (status, more = {}) => {
      signal.removeEventListener('abort', fail);
      resolve({ status, text: '', location: '', retryAfterMs: 0, dateMs: undefined, ...more });
    };
    signal.addEventListener('abort', fail);
    posts.push({ numbers, headers, answer, fail });
    if (verdict !== undefined) answer(verdict(numbers));
  });
}

function add(from: number, to: number, camera = 'yard'): void {
  const all = Array.from({ length: to - from + 1 }, (_, index) => itemOf(from + index, { camera }));
  queue.add(all, 'queued');
  sender.wake();
}

const numberOf = (json: string): string => (JSON.parse(json) as { custom_meta_1: string }).custom_meta_1;

/** Waits until settled promises have run their callbacks. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function pass(ms: number): Promise<void> {
  nowMs += ms;
  const due = timers.filter(({ atMs }) => atMs <= nowMs);
  timers = timers.filter(({ atMs }) => atMs > nowMs);
  for (const { action } of due) action();
  await settle();
}

const sent = (): string[] => posts.map(({ numbers }) => numbers.join());

describe('a batch', () => {
  it('is sent when it is full, or poll_duration_ms after its first item', async () => {
    start();
    nowMs = STORED_MS;
    add(0, 2);
    await pass(299);
    expect(sent()).toEqual([]);
    await pass(1);
    expect(sent()).toEqual(['0,1,2']);
    posts[0]!.answer(200);
    await settle();
    add(3, 10);
    expect(sent()).toEqual(['0,1,2', '3,4,5,6,7,8,9,10']);
    expect(queue.totals).toMatchObject({ queued: 8, delivered: 3 });
  });

  it('is sent at once when its items already waited in an earlier run', () => {
    start();
    add(0, 0);
    expect(sent()).toEqual(['0']);
  });

  it('waits while four batches are being sent', async () => {
    start();
    for (let camera = 0; camera < 6; camera += 1) add(camera, camera, `camera${camera}`);
    expect(sent()).toEqual(['0', '1', '2', '3']);
    posts[1]!.answer(200);
    await settle();
    expect(sent()[4]).toBe('4,5');
  });

  it('of another camera is sent at the same time, up to unacked_limit items in total', async () => {
    start({ unackedLimit: 10 });
    add(0, 7);
    add(8, 11, 'door');
    expect(sent()).toEqual(['0,1,2,3,4,5,6,7', '8,9']);
    expect(sender.inFlight).toBe(10);
    posts[1]!.answer(204);
    await settle();
    expect(sent()[2]).toBe('10,11');
  });
});

describe('an endpoint', () => {
  it('that fails gets the same items in the same order again, one batch at a time', async () => {
    start();
    add(0, 7);
    add(8, 15, 'door');
    expect(posts).toHaveLength(2);
    posts[0]!.fail();
    posts[1]!.answer(503, { text: 'sorry' });
    await settle();
    expect(sender.paused).toBe('http://cloud/ answered 503 (sorry)');
    expect(sender.nextAttemptMs).toBe(nowMs + 1000);
    await pass(1000);
    expect(sent().slice(2)).toEqual(['0,1,2,3,4,5,6,7']);
    expect(posts[2]!.headers['X-Chrys-Batch-Id']).toBe(posts[0]!.headers['X-Chrys-Batch-Id']);
    posts[2]!.answer(200);
    await settle();
    expect(sent()[3]).toBe('8,9,10,11,12,13,14,15');
    expect(sender.paused).toBe('');
    expect(logged.map((line) => line.split(' ', 2).join(' '))).toEqual(['warn Things', 'warn Things', 'info Things']);
  });

  it('that answers with Retry-After gets nothing until then', async () => {
    start();
    add(0, 0);
    posts[0]!.answer(429, { retryAfterMs: 20_000 });
    await settle();
    await pass(19_999);
    expect(posts).toHaveLength(1);
    await pass(1);
    expect(posts).toHaveLength(2);
  });

  it('that refuses the key gets an attempt each minute, and one at once with a new key', async () => {
    start();
    add(0, 0);
    posts[0]!.answer(403);
    await settle();
    expect(sender.paused).toMatch(/403.*does not accept the edge key/);
    await pass(59_999);
    expect(posts).toHaveLength(1);
    sender.useKeys({ edgeKey: 'other', edgeSecret: 'secret' });
    expect(posts).toHaveLength(2);
    expect(posts[1]!.headers['X-ChrysEdge-Auth']).toMatch(/^other:/);
  });

  it('that refuses the old key after it was replaced gets the batch again at once', async () => {
    start();
    add(0, 0);
    sender.useKeys({ edgeKey: 'other', edgeSecret: 'secret' });
    posts[0]!.answer(401);
    await settle();
    expect(posts).toHaveLength(2);
    expect(sender.paused).toBe('');
  });

  it('that redirects gets nothing: redirects are not followed', async () => {
    start();
    add(0, 0);
    posts[0]!.answer(302, { location: 'http://elsewhere/' });
    await settle();
    expect(sender.paused).toMatch(/redirects to http:\/\/elsewhere\/ are not followed/);
    expect(queue.totals.queued).toBe(1);
  });

  it('gets nothing without a key', () => {
    start();
    sender.useKeys({ edgeKey: '', edgeSecret: '' });
    add(0, 9);
    expect(posts).toEqual([]);
    expect(sender.paused).toContain('no edge key');
  });

  it('that refuses every item does not get the whole queue', async () => {
    start({ maxBatchSize: 64 });
    verdict = () => 404;
    add(0, 63);
    await waitFor('the pause', 15_000, () => sender.paused !== '');
    expect(queue.totals).toMatchObject({ setAside: 10, queued: 54 });
    await pass(500);
    await settle();
    await waitFor('one more', 15_000, () => queue.totals.setAside === 11);
    expect(sender.paused).toContain('thing.endpoint may be wrong');
  });
});

describe('long items', () => {
  it('are loaded up to the limit of memory, and all are sent', async () => {
    start({ unackedLimit: 1000, maxBatchSize: 100 });
    const long = 'x'.repeat(3 * 1024 * 1024);
    const loaded: number[] = [];
    const next = queue.next.bind(queue);
    queue.next = (after, limit, maxCharacters) => {
      const found = next(after, limit, maxCharacters);
      loaded.push(found.reduce((sum, { json }) => sum + json.length, 0));
      return found;
    };
    verdict = () => 200;
    for (let number = 0; number < 24; number += 1) {
      const one = itemOf(number, { camera: `cam${number % 3}` });
      queue.add([{ ...one, json: `${one.json.slice(0, -1)},"mask":"${long}"}` }], 'queued');
    }
    sender.wake();
    for (let i = 0; i < 50 && queue.totals.queued > 0; i += 1) await pass(300);
    expect(queue.totals).toMatchObject({ queued: 0, delivered: 24 });
    expect(Math.max(...loaded)).toBeLessThan(36 * 1024 * 1024);
  });
});

describe('a batch that fails', () => {
  it('does not block other cameras', async () => {
    start({ maxBatchSize: 1 });
    verdict = (numbers) => (numbers[0] === '0' ? 500 : 200);
    add(0, 0, 'stuck');
    add(1, 3, 'fine');
    for (let i = 0; i < 20 && queue.totals.delivered < 3; i += 1) await pass(60_000);
    expect(queue.totals).toMatchObject({ queued: 1, delivered: 3 });
  });
});

describe('a batch with an item that the endpoint refuses', () => {
  it('is halved until the item is alone; the others are delivered in order', async () => {
    start();
    verdict = (numbers) => (numbers.includes('5') ? 422 : 200);
    add(0, 7);
    await waitFor('all to be settled', 15_000, () => queue.totals.queued === 0);
    expect(sent()).toEqual(['0,1,2,3,4,5,6,7', '0,1,2,3', '4,5,6,7', '4,5', '4', '5', '6,7']);
    expect(queue.refused(0, 9, 1e6).map(({ json, reason }) => [numberOf(json), reason])).toEqual([
      ['5', 'http://cloud/ answered 422'],
    ]);
    expect(queue.totals).toMatchObject({ delivered: 7, setAside: 1 });
    expect(sender.paused).toBe('');
  });

  it('is kept when the endpoint fails meanwhile', async () => {
    start();
    let fail = true;
    verdict = (numbers) => (numbers.includes('5') ? 400 : numbers.includes('6') && fail ? 500 : 200);
    add(0, 7);
    await waitFor('the failure', 15_000, () => sender.paused !== '');
    expect(queue.totals).toMatchObject({ delivered: 5, setAside: 1, queued: 2 });
    fail = false;
    await pass(500);
    await waitFor('the rest', 15_000, () => queue.totals.queued === 0);
    expect(sent().at(-1)).toBe('6,7');
  });
});

it('an accepted item is not sent again while the disk is full', async () => {
  let full = true;
  const deliver = (seqs: readonly number[], atMs: number): void => {
    if (full) throw new ChrysError('resource_exhausted', 'The disk is full.');
    queue.deliver(seqs, atMs);
  };
  start({ queue: { next: (...at) => queue.next(...at), setAside: () => expect.fail(), deliver } });
  verdict = () => 200;
  add(0, 0);
  await waitFor('the error', 15_000, () => sender.lastError.text.includes('The disk is full.'));
  full = false;
  await pass(1000);
  expect(queue.totals.delivered).toBe(1);
  expect(posts).toHaveLength(1);
});

it('a suspended sender aborts its batches, and goes on with the items that the queue returns then', async () => {
  let from = 0;
  start({
    queue: {
      next: (after, limit, maxCharacters) => queue.next(Math.max(from, after), limit, maxCharacters),
      setAside: () => expect.fail(),
      deliver: () => undefined,
    },
  });
  add(0, 7);
  expect(sent()).toEqual(['0,1,2,3,4,5,6,7']);
  await sender.suspend(0);
  expect(sender.inFlight).toBe(0);
  expect(sender.paused).toBe('');
  from = 8;
  add(8, 15);
  expect(posts).toHaveLength(1);
  sender.resume();
  expect(sent()[1]).toBe('8,9,10,11,12,13,14,15');
});

it('nothing is sent in local mode', () => {
  start({ mode: 'local' });
  add(0, 20);
  expect(posts).toEqual([]);
  expect(sender.paused).toContain('local');
});
