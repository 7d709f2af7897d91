import { afterEach, beforeEach, expect, it } from 'vitest';
import { SenderLease, type SenderLeaseParts } from '../../../src/outbox/shared/sender-lease.js';
import { StaleSession } from '../../../src/outbox/shared/shared-stream.js';

let nowMs: number;
let timers: { readonly atMs: number; readonly action: () => void }[];
let happened: string[];
let lease: SenderLease;
/** The state of Redis: the lease (undefined: none) and how many proxies wait. With `silent` it does not answer. */
let holder: string | undefined;
let waiting: number;
let silent: boolean;
let failing: string;
let canSend: boolean;

beforeEach(() => {
  nowMs = 0;
  timers = [];
  happened = [];
  holder = undefined;
  waiting = 0;
  silent = false;
  failing = '';
  canSend = true;
  const stream: SenderLeaseParts['stream'] = {
    origin: 'us',
    takeLease: (wanted) => {
      if (holder !== undefined && !holder.startsWith('us')) return Promise.resolve(false);
      holder = wanted;
      return Promise.resolve(true);
    },
    keepLease: (wanted) => {
      if (silent) return new Promise(() => undefined);
      return holder === wanted ? Promise.resolve(waiting) : Promise.reject(new StaleSession());
    },
    releaseLease: (wanted) => {
      if (holder === wanted) holder = undefined;
      return Promise.resolve();
    },
    hasSender: () => Promise.resolve(holder !== undefined),
  };
  lease = new SenderLease({
    stream,
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
    canSend: () => canSend,
    failing: () => failing,
    begin: () => {
      happened.push(`begin ${nowMs}`);
      return Promise.resolve();
    },
    end: () => {
      happened.push(`end ${nowMs}`);
      return Promise.resolve();
    },
  });
  lease.start();
});
afterEach(async () => {
  silent = false;
  await until(nowMs + 5000);
  await lease.stop();
});

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Advances the time in steps. */
async function until(ms: number): Promise<void> {
  while (nowMs < ms) {
    await settle();
    nowMs += 500;
    const due = timers.filter(({ atMs }) => atMs <= nowMs);
    timers = timers.filter(({ atMs }) => atMs > nowMs);
    for (const { action } of due) action();
  }
  await settle();
}

async function begun(): Promise<void> {
  lease.connect();
  await settle();
  expect(lease.holder).toBe('this');
}

it('is taken when Redis is connected, and kept', async () => {
  await until(3000);
  expect(happened).toEqual([]);
  await begun();
  await until(60_000);
  expect(happened).toEqual(['begin 3000']);
});

it('ends well before another proxy can take it when Redis does not answer', async () => {
  await begun();
  silent = true;
  await until(10_000);
  // The lease was renewed at 0 for ten seconds, so running batches have enough time.
  expect(happened[1]).toBe('end 6000');
});

it('ends at once when Redis is away or has lost the lease, and is taken again', async () => {
  await begun();
  lease.disconnect();
  await settle();
  expect(happened).toEqual(['begin 0', 'end 0']);
  expect(lease.holder).toBe('none');
  lease.connect();
  await settle();
  expect(lease.holder).toBe('this');
  holder = undefined;
  await until(5000);
  expect(happened).toEqual(['begin 0', 'end 0', 'begin 0', 'end 3000', 'begin 4000']);
});

it('is released when the endpoint fails and another proxy waits, and is not taken back for a minute', async () => {
  await begun();
  failing = 'the endpoint is away';
  await until(30_000);
  expect(happened).toEqual(['begin 0']);
  waiting = 1;
  await until(33_000);
  expect(happened).toEqual(['begin 0', 'end 33000']);
  expect(holder).toBeUndefined();
  holder = 'another';
  await until(60_000);
  expect(lease.holder).toBe('other');
  [holder, waiting] = [undefined, 0];
  await until(70_000);
  expect(lease.holder).toBe('this');
});

it('is taken again after some seconds when the waiting proxy does not take it', async () => {
  await begun();
  failing = 'the endpoint is away';
  waiting = 1;
  await until(9000);
  expect(lease.holder).toBe('none');
  waiting = 0;
  await until(20_000);
  expect(lease.holder).toBe('this');
});

it('is taken only with keys, and at once when there are keys', async () => {
  canSend = false;
  lease.connect();
  await until(5000);
  expect(lease.holder).toBe('none');
  canSend = true;
  lease.reconsider();
  await settle();
  expect(lease.holder).toBe('this');
  canSend = false;
  lease.reconsider();
  await settle();
  expect([lease.holder, holder]).toEqual(['none', undefined]);
});
