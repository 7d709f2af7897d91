import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { QueueDatabase } from '../../../src/outbox/queue-database.js';
import { QUEUE_MIGRATIONS } from '../../../src/database/queue-schema.js';
import type { ItemPosition } from '../../../src/outbox/item.js';
import { itemOf, NAMES, STORED_MS } from './fixture.js';

const MAX_CHARACTERS = 1_000_000;

let dataDir: string;
let path: string;
let queue: QueueDatabase;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'chrysproxy-annotations-'));
  path = join(dataDir, NAMES.file);
  queue = new QueueDatabase(dataDir, NAMES);
});
afterEach(() => {
  queue.close();
  rmSync(dataDir, { recursive: true });
});

function reopen(): void {
  queue.close();
  queue = new QueueDatabase(dataDir, NAMES);
}

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const add = (from: number, to: number): void => {
  queue.add(
    numbers(from, to).map((number) => itemOf(number)),
    'queued',
  );
};
const waiting = (afterSeq = 0): number[] => queue.next(afterSeq, 100, MAX_CHARACTERS).map(({ seq }) => seq);
const counted = (): unknown => {
  const database = new Database(path, { readonly: true });
  const of = (where: string): unknown =>
    database.prepare(`SELECT count(*) FROM annotations WHERE ${where}`).pluck().get();
  const totals = { queued: of('state IN (0, 4)'), setAside: of('state = 2'), kept: of('state IN (1, 3)') };
  database.close();
  return totals;
};

describe('the queue', () => {
  it('returns items up to the maximum number of characters, but at least one', () => {
    queue.add(
      numbers(1, 5).map((number) => itemOf(number, { json: 'x'.repeat(1000) })),
      'queued',
    );
    expect(queue.next(0, 100, 2500).map(({ seq }) => seq)).toEqual([1, 2, 3]);
    expect(queue.next(3, 100, 1).map(({ seq }) => seq)).toEqual([4]);
    for (const seq of [1, 2, 3]) queue.setAside(seq, 'no', STORED_MS);
    expect(queue.refused(0, 100, 1500).map(({ seq }) => seq)).toEqual([1, 2]);
  });

  it('stores an item once when its caller repeats the call', () => {
    add(1, 2);
    queue.add([itemOf(2), itemOf(3)], 'queued');
    expect(waiting()).toEqual([1, 2, 3]);
    expect(queue.totals.queued).toBe(3);
    reopen();
    expect(counted()).toMatchObject({ queued: 3 });
  });

  it('returns items in their order, also after a restart', () => {
    add(1, 3);
    add(4, 4);
    reopen();
    expect(queue.next(1, 2, MAX_CHARACTERS)).toEqual(
      [2, 3].map((seq) => {
        const { id, camera, storedMs, json } = itemOf(seq);
        return { seq, id, camera, storedMs, json };
      }),
    );
    expect(queue.totals).toEqual({ queued: 4, setAside: 0, kept: 0, delivered: 0, shared: 0 });
    expect(queue.oldestQueuedMs).toBe(STORED_MS + 1);
    add(5, 5);
    expect(waiting(4)).toEqual([5]);
  });

  it('keeps delivered items, does not return them as waiting, and counts them once', () => {
    add(1, 4);
    queue.deliver([1, 3], STORED_MS);
    queue.deliver([1, 3], STORED_MS);
    expect(waiting()).toEqual([2, 4]);
    expect(queue.totals).toEqual({ queued: 2, setAside: 0, kept: 2, delivered: 2, shared: 0 });
    expect(queue.get(1)).toMatchObject({ state: 'delivered', doneMs: STORED_MS });
    reopen();
    expect(queue.totals).toEqual({ queued: 2, setAside: 0, kept: 2, delivered: 2, shared: 0 });
  });

  it('sets items aside with a reason, and requeues them behind all others', () => {
    add(1, 4);
    queue.setAside(2, 'too ugly', STORED_MS + 50);
    queue.setAside(3, 'too long', STORED_MS + 51);
    expect(queue.refused(0, 10, MAX_CHARACTERS).map(({ seq, reason, state }) => [seq, reason, state])).toEqual([
      [2, 'too ugly', 'set_aside'],
      [3, 'too long', 'set_aside'],
    ]);
    expect(queue.refused(2, 10, MAX_CHARACTERS).map(({ seq }) => seq)).toEqual([3]);
    expect(queue.refusedSeqs([itemOf(2).id, itemOf(1).id, 'nobody'])).toEqual([2]);
    queue.requeue([2, 1, 2, 99]);
    expect(waiting().map((seq) => queue.get(seq)!.id)).toEqual([1, 4, 2].map((number) => itemOf(number).id));
    queue.requeue([3]);
    expect(queue.totals).toEqual({ queued: 4, setAside: 0, kept: 0, delivered: 0, shared: 0 });
    expect(counted()).toEqual({ queued: 4, setAside: 0, kept: 0 });
    add(5, 5);
    expect(queue.get(waiting().at(-1)!)!.id).toBe(itemOf(5).id);
  });

  it('does not return shared items, and counts them as waiting', () => {
    add(1, 4);
    queue.deliver([4], STORED_MS);
    queue.share([1, 2, 4]);
    expect(waiting()).toEqual([3]);
    expect(queue.shared(1, 9)).toEqual([{ seq: 2, id: itemOf(2).id }]);
    expect(queue.oldestQueuedMs).toBe(STORED_MS + 1);
    expect(queue.get(1)!.state).toBe('queued');
    expect(queue.totals).toEqual({ queued: 3, setAside: 0, kept: 1, delivered: 1, shared: 2 });
    queue.unshare([1, 3, 4].map((number) => itemOf(number).id));
    reopen();
    expect(waiting()).toEqual([1, 3]);
    expect(queue.totals).toEqual({ queued: 3, setAside: 0, kept: 1, delivered: 1, shared: 1 });
    expect(counted()).toEqual({ queued: 3, setAside: 0, kept: 1 });
  });

  it('stores results of shared items once, also of an item that is not marked as shared', () => {
    add(1, 4);
    queue.share([1, 2]);
    const result = (number: number, why?: string) => ({
      id: itemOf(number).id,
      refusal: why,
      atMs: STORED_MS + 9,
    });
    for (let times = 0; times < 2; times += 1) queue.settle([result(1), result(2, 'too ugly'), result(3)]);
    expect(waiting()).toEqual([4]);
    expect(queue.get(1)).toMatchObject({ state: 'delivered', doneMs: STORED_MS + 9 });
    expect(queue.get(2)).toMatchObject({ state: 'set_aside', reason: 'too ugly' });
    expect(queue.totals).toEqual({ queued: 1, setAside: 1, kept: 2, delivered: 2, shared: 0 });
    expect(counted()).toEqual({ queued: 1, setAside: 1, kept: 2 });
    queue.requeue([2]);
    expect(waiting().map((seq) => queue.get(seq)!.id)).toEqual([4, 2].map((number) => itemOf(number).id));
  });

  it('keeps its name', () => {
    expect(queue.origin(() => 'gate')).toBe('gate');
    reopen();
    expect(queue.origin(() => 'another')).toBe('gate');
  });

  it('discards refused items only', () => {
    add(1, 3);
    for (const seq of [1, 3]) queue.setAside(seq, 'no', STORED_MS);
    queue.discard([3, 2, 3]);
    expect(queue.refused(0, 9, MAX_CHARACTERS).map(({ seq }) => seq)).toEqual([1]);
    expect(queue.totals).toEqual({ queued: 1, setAside: 1, kept: 0, delivered: 0, shared: 0 });
    expect(counted()).toEqual({ queued: 1, setAside: 1, kept: 0 });
  });

  it('deletes old and excess items in steps, but neither waiting nor refused ones', () => {
    add(1, 6);
    queue.deliver([1, 2, 3], STORED_MS + 100);
    queue.deliver([4], STORED_MS + 200);
    queue.setAside(5, 'no', STORED_MS);
    expect(queue.clean(STORED_MS + 100, 10, 2)).toBe(0);
    expect(queue.clean(STORED_MS + 101, 10, 2)).toBe(2);
    expect(queue.clean(STORED_MS + 101, 10, 2)).toBe(1);
    expect(queue.clean(0, 0, 5)).toBe(1);
    expect(queue.clean(Number.MAX_SAFE_INTEGER, 0, 5)).toBe(0);
    expect(queue.totals).toEqual({ queued: 1, setAside: 1, kept: 0, delivered: 4, shared: 0 });
    expect(counted()).toEqual({ queued: 1, setAside: 1, kept: 0 });
  });

  it('stores no item of a transaction that fails', () => {
    add(1, 1);
    const bad = [itemOf(2), itemOf(3, { json: null as never })];
    expect(() => {
      queue.add(bad, 'queued');
    }).toThrow();
    expect(waiting()).toEqual([1]);
    expect(queue.totals.queued).toBe(1);
    add(2, 2);
    expect(waiting()).toEqual([1, 2]);
  });

  it('finds items by camera, type and time, and limits what a search reads', () => {
    queue.add([itemOf(3), itemOf(1), itemOf(2, { type: 'still' })], 'local');
    queue.add([itemOf(4, { camera: 'door' }), itemOf(5, { startMs: STORED_MS + 3 })], 'queued');
    const all = (camera: string | undefined, type: string | undefined, from = 0, to = 1e9): string[] => {
      let after: ItemPosition | undefined = { startMs: STORED_MS + from, seq: 0 };
      const found: string[] = [];
      while (after !== undefined) {
        const page = queue.search({ camera, type, toMs: STORED_MS + to, after, scanLimit: 2 });
        found.push(...page.matches.map(({ seq }) => queue.get(seq)!.id.slice(-1)));
        after = page.scannedTo;
      }
      return found;
    };
    expect(all(undefined, undefined)).toEqual(['1', '2', '3', '5', '4']);
    expect(all('yard', undefined)).toEqual(['1', '2', '3', '5']);
    expect(all('yard', 'moving')).toEqual(['1', '3', '5']);
    expect(all('yard', undefined, 2, 2)).toEqual(['2']);
    expect(all(undefined, 'still')).toEqual(['2']);
    expect(all('nobody', undefined)).toEqual([]);
  });
});

describe('the database file', () => {
  it.each(QUEUE_MIGRATIONS.map((_step, version) => version))(
    'with schema %i is migrated to the same schema as a new one',
    (version) => {
      const schema = (): unknown => {
        const database = new Database(path, { readonly: true });
        const found = database.prepare('SELECT type, name, sql FROM sqlite_schema ORDER BY name').all();
        database.close();
        return found;
      };
      queue.close();
      const fresh = schema();
      rmSync(path);
      const database = new Database(path);
      database.pragma('application_id = 0x43687241');
      for (const step of QUEUE_MIGRATIONS.slice(0, version)) database.exec(step);
      database.pragma(`user_version = ${version}`);
      database.close();
      reopen();
      expect(schema()).toEqual(fresh);
    },
  );

  it('can be read by its owner only', () => {
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('is refused with advice and not changed when it is damaged', () => {
    queue.close();
    writeFileSync(path, 'not a database');
    expect(() => new QueueDatabase(dataDir, NAMES)).toThrow(
      expect.objectContaining({
        kind: 'failed_precondition',
        message: expect.stringMatching(/damaged .* those that wait in it are then not sent/),
      }),
    );
    expect(readFileSync(path, 'utf8')).toBe('not a database');
    rmSync(path);
    reopen();
  });

  it.each([
    ['of a newer version', `PRAGMA user_version = ${QUEUE_MIGRATIONS.length + 1}`, /newer chrysproxy/],
    ['of another program', 'PRAGMA application_id = 7', /not one of chrysproxy/],
  ])('is refused when it is %s', (_what, sql, message) => {
    const database = new Database(path);
    database.exec(sql);
    database.close();
    expect(() => new QueueDatabase(dataDir, NAMES)).toThrow(
      expect.objectContaining({ kind: 'failed_precondition', message: expect.stringMatching(message) }),
    );
  });
});
