/** Evidence in the database, within its bounds, and on its way to a receiver. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { coverageOf, type CoverageInterval } from '../../../src/annotations/evidence/coverage.js';
import { EvidenceGate, MAX_SENT_BYTES } from '../../../src/annotations/evidence/evidence-gate.js';
import { EvidenceKeeper } from '../../../src/annotations/evidence/evidence-keeper.js';
import { missingText, nothingText } from '../../../src/annotations/evidence/evidence-texts.js';
import { evidenceWish } from '../../../src/annotations/evidence/evidence-wish.js';
import { formOf } from '../../../src/annotations/multipart.js';
import { Outbox, type Waiting } from '../../../src/annotations/outbox.js';
import { MAX_PENDING, PendingBook } from '../../../src/annotations/evidence/pending-evidence.js';
import { piecesOf, writeWhole } from '../../../src/annotations/evidence/history-pieces.js';
import { AnnotationQueue } from '../../../src/database/annotation-queue.js';
import type { EvidenceWish, MadeEvidence } from '../../../src/database/evidence.js';
import { partsOf, type ReceivedPart } from '../../support/multipart.js';
import { annotateRequest, annotation, STORED_MS } from './fixture.js';

const WISH: EvidenceWish = {
  camera: 'yard',
  fromMs: STORED_MS - 1000,
  toMs: STORED_MS + 2000,
  clip: true,
  snapshot: true,
  atMs: STORED_MS,
  frameId: 7,
};
const made = (clipBytes: number, jpegBytes = 0, changes: Partial<MadeEvidence> = {}): MadeEvidence => ({
  reason: '',
  clipBytes,
  clipFromMs: STORED_MS - 1000,
  clipToMs: STORED_MS + 2000,
  jpegBytes,
  jpegFrameId: 7,
  jpegMs: STORED_MS,
  ...changes,
});
const id = (number: number): string => annotation(number).id;

let dataDir: string;
let folder: string;
let queue: AnnotationQueue;
let logged: string[];

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'chrysproxy-evidence-'));
  folder = join(dataDir, 'evidence');
  mkdirSync(folder);
  queue = new AnnotationQueue(dataDir);
  logged = [];
});
afterEach(() => {
  queue.close();
  rmSync(dataDir, { recursive: true });
});

function add(number: number, state: 'queued' | 'local' = 'queued', wish: EvidenceWish = WISH): void {
  queue.add([annotation(number, { evidence: wish })], state);
}

function keeper(maxBytes = 1000): EvidenceKeeper {
  return new EvidenceKeeper({ folder, table: queue.evidence, maxBytes, log: (_level, text) => logged.push(text) });
}

/** As the maker leaves it. */
function write(number: number, clip: string, jpeg = ''): void {
  writeFileSync(join(folder, `${id(number)}.mp4`), clip);
  if (jpeg !== '') writeFileSync(join(folder, `${id(number)}.jpg`), jpeg);
}

describe('evidence', () => {
  it('is stored with its annotation, and is pending until it is settled, also after a restart', () => {
    add(1);
    queue.add([annotation(2)], 'queued');
    queue.evidence.noteSnapshot(id(1), { jpegBytes: 9, jpegFrameId: 7, jpegMs: STORED_MS });
    queue.close();
    queue = new AnnotationQueue(dataDir);
    const snapshot = { jpegBytes: 9, jpegFrameId: 7, jpegMs: STORED_MS };
    expect(queue.evidence.pending(10)).toEqual([{ id: id(1), ...WISH, ...snapshot }]);
    expect(queue.byId(id(1))!.evidence).toMatchObject({ ...WISH, state: 'pending' });
    expect(queue.byId(id(2))!.evidence).toBeUndefined();
    queue.evidence.settle(id(1), made(100, 9));
    queue.evidence.settle(id(1), made(0));
    expect(queue.evidence.pending(10)).toEqual([]);
    expect(queue.get(1)!.evidence).toEqual({ ...WISH, state: 'ready', ...made(100, 9) });
    expect(queue.evidence.bytes).toBe(109);
  });

  it('of which nothing could be made has failed, and says why', () => {
    add(1);
    queue.evidence.settle(id(1), made(0, 0, { reason: 'It is gone.' }));
    expect(queue.byId(id(1))!.evidence).toMatchObject({ state: 'failed', reason: 'It is gone.' });
  });

  it('goes with its annotation, and its files with it', () => {
    add(1, 'local');
    add(2);
    const kept = keeper();
    for (const number of [1, 2]) {
      write(number, 'clip', 'jpeg');
      expect(kept.settle(id(number), made(4, 4))).toBe(true);
    }
    queue.clean(STORED_MS + 1e6, 100, 100);
    kept.clean();
    expect(readdirSync(folder).sort()).toEqual([`${id(2)}.jpg`, `${id(2)}.mp4`]);
    queue.setAside(2, 'no', 0);
    queue.discard([2]);
    kept.clean();
    expect(readdirSync(folder)).toEqual([]);
    expect(kept.settle(id(2), made(4))).toBe(false);
  });

  it('that is the oldest of a delivered annotation makes room, and what waits to be delivered keeps its own', () => {
    const kept = keeper(1000);
    for (const number of [1, 2, 3, 4]) add(number);
    queue.deliver([2], STORED_MS);
    for (const number of [1, 2, 3]) write(number, 'x');
    for (const number of [1, 2]) kept.settle(id(number), made(400));
    // The answer was lost on its way, and it is said again.
    expect([kept.settle(id(3), made(300)), kept.settle(id(3), made(300))]).toEqual([true, true]);
    kept.clean();
    expect(queue.byId(id(2))!.evidence).toMatchObject({ state: 'removed', clipBytes: 0 });
    expect(queue.byId(id(2))!.evidence!.reason).toContain('annotation.evidence_max_bytes (1000)');
    expect(readdirSync(folder).sort()).toEqual([`${id(1)}.mp4`, `${id(3)}.mp4`]);
    expect(kept.settle(id(4), made(301))).toBe(false);
    expect(queue.byId(id(4))!.evidence).toMatchObject({ state: 'failed', clipBytes: 0 });
    expect(queue.byId(id(4))!.evidence!.reason).toContain('leaves no room: 700 are taken');
  });

  it('is swept of what a crash has left, and what others have put there stays', () => {
    add(1);
    add(2);
    write(1, 'ready');
    queue.evidence.settle(id(1), made(5));
    write(2, 'made, and not noted yet');
    write(3, 'of no annotation');
    for (const number of [1, 2]) writeFileSync(join(folder, `${id(number)}.mp4.part`), 'unfinished');
    utimesSync(join(folder, `${id(1)}.mp4.part`), 1, 1);
    writeFileSync(join(folder, 'notes.txt'), 'mine');
    mkdirSync(join(folder, `${id(4)}.mp4`));
    keeper();
    const left = [`${id(1)}.mp4`, `${id(2)}.mp4`, `${id(2)}.mp4.part`, `${id(4)}.mp4`, 'notes.txt'];
    expect(readdirSync(folder).sort()).toEqual(left);
    expect(logged).toEqual([]);
  });
});

describe('a request for evidence', () => {
  const wish = (fields: object, nowMs = STORED_MS): EvidenceWish | undefined =>
    evidenceWish(annotateRequest(fields), 60_000, nowMs);

  it('says from when to when, and which frame', () => {
    expect(wish({})).toBeUndefined();
    expect(wish({ evidenceBeforeMs: 1000, evidenceAfterMs: 2000, evidenceSnapshot: true, evidenceFrameId: 7 })).toEqual(
      WISH,
    );
    const snapshot = { clip: false, snapshot: true, fromMs: STORED_MS, toMs: STORED_MS, frameId: 0 };
    expect(wish({ evidenceSnapshot: true })).toMatchObject(snapshot);
  });

  it.each([
    [{ evidenceBeforeMs: -1 }, 'evidence_before_ms: -1 is not allowed'],
    [{ evidenceAfterMs: -5 }, 'evidence_after_ms: -5 is not allowed'],
    [{ evidenceBeforeMs: 60_000, evidenceAfterMs: 1 }, '60000 + 1 is more than annotation.evidence_max_ms'],
    [{ evidenceFrameId: 3, evidenceAfterMs: 1 }, 'set evidence_snapshot'],
    [{ evidenceSnapshot: true, startTimestamp: STORED_MS + 60_001 }, 'too far ahead'],
  ])('of %o is refused', (fields, text) => {
    expect(() => wish(fields)).toThrow(expect.objectContaining({ kind: 'invalid_argument' }) as Error);
    expect(() => wish(fields)).toThrow(text);
  });

  it('protects its part of the recordings at once, and no more than so many may wait', () => {
    const book = new PendingBook();
    const unprotect = book.protect(WISH);
    const span = { camera: 'yard', fromUs: WISH.fromMs * 1000, toUs: WISH.toMs * 1000 + 999 };
    expect(book.spans()).toEqual([span]);
    expect(book.add({ id: '1', ...WISH, jpegBytes: 0, jpegFrameId: 0, jpegMs: 0 })).toBe(true);
    expect(book.add({ id: '1', ...WISH, jpegBytes: 0, jpegFrameId: 0, jpegMs: 0 })).toBe(false);
    unprotect();
    expect(book.spans()).toEqual([span]);
    book.remove('1');
    expect(book.spans()).toEqual([]);
    for (let count = 0; count < MAX_PENDING; count += 1) book.protect({ ...WISH });
    expect(() => book.protect({ ...WISH })).toThrow(expect.objectContaining({ kind: 'resource_exhausted' }) as Error);
  });
});

describe('what a clip covers', () => {
  const SECOND = 1_000_000;
  const at = (from: number, to: number, sequences: [number, number], connection = 1): CoverageInterval => ({
    fromUs: from * SECOND,
    toUs: to * SECOND,
    firstSequence: sequences[0],
    endSequence: sequences[1],
    connection,
  });
  const covered = (...stretches: CoverageInterval[]): unknown =>
    coverageOf(stretches, { fromUs: 2e6, toUs: 8e6 + 999 }, 80);

  it('is the range, or the part of it that is on disk or in memory', () => {
    expect(covered()).toBeUndefined();
    expect(covered(at(5, 9, [60, 110]), at(0, 5.1, [0, 60]))).toEqual({ fromMs: 2000, toMs: 8000, holes: false });
    expect(covered(at(0, 5, [0, 60]), at(3, 6, [30, 70]))).toEqual({ fromMs: 2000, toMs: 6000, holes: false });
    expect(covered(at(3, 9, [30, 100]))).toEqual({ fromMs: 3000, toMs: 8000, holes: false });
  });

  it('has holes where packets are missing, or the camera was away', () => {
    expect(covered(at(0, 5, [0, 60]), at(5, 9, [61, 100]))).toMatchObject({ holes: true });
    expect(covered(at(0, 5, [0, 60]), at(7, 9, [60, 100]))).toMatchObject({ holes: false });
    expect(covered(at(0, 5, [0, 60]), at(7, 9, [60, 100], 2))).toMatchObject({ holes: true });
  });

  it('is told with what is missing, and why', () => {
    const now = { startedMs: WISH.fromMs + 500, isRecorded: false };
    const range = { fromMs: WISH.fromMs, toMs: WISH.toMs, holes: false, frameMs: 40 };
    expect(missingText(WISH, range, now)).toEqual([]);
    expect(missingText(WISH, { ...range, fromMs: WISH.fromMs + 400, toMs: WISH.toMs - 400 }, now)).toEqual([]);
    const [begins, ends, holes] = missingText(
      WISH,
      { ...range, fromMs: WISH.fromMs + 600, toMs: WISH.toMs - 600, holes: true },
      now,
    );
    expect(begins).toMatch(/begins at \d+ .* and not at .*only in memory before is gone\.$/);
    expect(ends).toContain(`and not at ${WISH.toMs} `);
    expect(holes).toContain('holes');
    expect(nothingText(WISH, { startedMs: 0, isRecorded: false })).toContain('raise buffer.in_memory');
  });
});

describe('a file of evidence', () => {
  const path = (): string => join(folder, `${id(1)}.mp4`);
  const signal = new AbortController().signal;

  it('is whole or not there', async () => {
    expect(await writeWhole(path(), [Buffer.from('abc'), Buffer.from('de')], 5)).toBe(5);
    expect(await writeWhole(join(folder, 'empty'), [], 5)).toBe(0);
    const failing = (function* () {
      yield Buffer.from('abc');
      throw new Error('the camera is gone');
    })();
    await expect(writeWhole(join(folder, 'other'), failing, 5)).rejects.toThrow('the camera is gone');
    await expect(writeWhole(join(folder, 'other'), [Buffer.from('abcdef')], 5)).rejects.toThrow('longer than');
    expect(readdirSync(folder)).toEqual([`${id(1)}.mp4`]);
  });

  it('is given up when the proxy stops while the past says nothing', async () => {
    const stopped = new AbortController();
    let closed = false;
    const past = { next: () => undefined, close: () => void (closed = true) };
    const writing = writeWhole(path(), piecesOf(past, AbortSignal.any([stopped.signal, signal])), 5);
    stopped.abort(new Error('stopped'));
    await expect(writing).rejects.toThrow('stopped');
    expect([closed, existsSync(path())]).toEqual([true, false]);
  });
});

describe('evidence that is sent', () => {
  let nowMs: number;
  let timers: { readonly atMs: number; readonly action: () => void }[];
  let woken: number;
  let gate: EvidenceGate;

  beforeEach(() => {
    nowMs = STORED_MS;
    timers = [];
    woken = 0;
    const clock = {
      nowMs: () => nowMs,
      monotonicMs: () => nowMs - STORED_MS,
      after: (delayMs: number, action: () => void) => {
        const timer = { atMs: nowMs + delayMs, action };
        timers.push(timer);
        return () => void timers.splice(timers.indexOf(timer), 1);
      },
    };
    gate = new EvidenceGate({ folder, table: queue.evidence, clock, wake: () => (woken += 1) });
  });

  const waiting = (seq: number, camera = 'yard'): Waiting => ({ ...annotation(seq, { camera }), seq, dueMs: 0 });
  /** The JSON, and the other parts. */
  const sent = async (number: number): Promise<{ json: string; parts: readonly ReceivedPart[] }> => {
    const { body, headers } = (await gate.requestOf([waiting(number)]))!;
    const type = headers['Content-Type'];
    if (type === undefined) return { json: body.toString(), parts: [] };
    const [data, ...parts] = partsOf(type, body);
    expect(data).toMatchObject({ name: 'data', fileName: '', contentType: 'application/json' });
    return { json: data!.bytes.toString(), parts };
  };
  const evidenceIn = ({ json }: { json: string }): Record<string, unknown> =>
    (JSON.parse(json) as { data: { evidence: Record<string, unknown> }[] }).data[0]!.evidence;

  it('is waited for, by those behind it of the same camera, and goes alone', () => {
    for (const number of [1, 3]) queue.add([annotation(number)], 'queued');
    add(2);
    const outbox = new Outbox(gate);
    outbox.add([waiting(1), waiting(2), waiting(3), waiting(4, 'door')]);
    const take = (): number[] => {
      const batch = outbox.take(10, 1e9);
      outbox.finish(batch, []);
      return batch.map(({ seq }) => seq);
    };
    expect(take()).toEqual([1]);
    expect(take()).toEqual([4]);
    expect([take(), outbox.nextDueMs]).toEqual([[], undefined]);
    queue.evidence.settle(id(2), made(4));
    expect(take()).toEqual([2]);
    expect(take()).toEqual([3]);
  });

  it('is not waited for longer than its making can take', async () => {
    add(1);
    expect(gate.holds(waiting(1))).toBe(true);
    const [timer] = timers;
    nowMs = timer!.atMs;
    expect(nowMs).toBeGreaterThan(WISH.toMs + 60_000);
    timer!.action();
    expect([woken, gate.holds(waiting(1))]).toEqual([1, false]);
    const told = evidenceIn(await sent(1));
    expect(told).toEqual({ state: 'pending', parts: [], reason: expect.stringContaining('not made in time') });
  });

  it('is not waited for anew after an attempt that failed, and has the picture that is kept already', async () => {
    add(1);
    write(1, 'the clip', 'the jpeg');
    queue.evidence.noteSnapshot(id(1), { jpegBytes: 8, jpegFrameId: 7, jpegMs: STORED_MS });
    expect(gate.holds(waiting(1))).toBe(true);
    nowMs = timers[0]!.atMs;
    expect(gate.holds(waiting(1))).toBe(false);
    expect((await sent(1)).parts.map(({ name }) => name)).toEqual(['snapshot']);
    gate.failed([waiting(1)]);
    expect(gate.holds(waiting(1))).toBe(false);
  });

  it('is left out when the endpoint does not take it again and again, and is tried again when that was not why', async () => {
    add(1);
    write(1, 'the clip', 'the jpeg');
    queue.evidence.settle(id(1), made(8, 8));
    for (let failure = 0; failure < 3; failure += 1) {
      expect((await sent(1)).parts).toHaveLength(2);
      gate.failed([waiting(1)]);
    }
    const without = await sent(1);
    expect(without.parts).toEqual([]);
    expect(evidenceIn(without)['reason']).toContain('were not taken 3 times');
    gate.failed([waiting(1)]);
    expect((await sent(1)).parts).toHaveLength(2);
    gate.failed([waiting(1)]);
    gate.settled([waiting(1)]);
    expect((await sent(1)).parts).toHaveLength(2);
  });

  it('is a form with the annotation first, and equal in every attempt', async () => {
    add(1);
    write(1, 'the clip', 'the jpeg');
    queue.evidence.settle(id(1), made(8, 8, { reason: 'It begins late.' }));
    expect((await gate.requestOf([waiting(1)]))!.body).toEqual((await gate.requestOf([waiting(1)]))!.body);
    const form = await sent(1);
    expect(form.parts).toEqual([
      { name: 'clip', fileName: `${id(1)}.mp4`, contentType: 'video/mp4', bytes: Buffer.from('the clip') },
      { name: 'snapshot', fileName: `${id(1)}.jpg`, contentType: 'image/jpeg', bytes: Buffer.from('the jpeg') },
    ]);
    const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
    expect(evidenceIn(form)).toEqual({
      state: 'ready',
      from: STORED_MS - 1000,
      to: STORED_MS + 2000,
      frame_id: 7,
      timestamp: STORED_MS,
      parts: [
        { name: 'clip', content_type: 'video/mp4', bytes: 8, sha256: sha256('the clip') },
        { name: 'snapshot', content_type: 'image/jpeg', bytes: 8, sha256: sha256('the jpeg') },
      ],
      reason: 'It begins late.',
    });
  });

  it('that is too long or cannot be read is left out, and the annotation says so', async () => {
    add(1);
    write(1, '', 'the jpeg');
    queue.evidence.settle(id(1), made(MAX_SENT_BYTES, 8));
    const form = await sent(1);
    expect(form.parts.map(({ name }) => name)).toEqual(['snapshot']);
    expect(evidenceIn(form)['reason']).toContain('too long to be sent');
    rmSync(folder, { recursive: true });
    const told = evidenceIn(await sent(1));
    expect(told).toMatchObject({ parts: [], reason: expect.stringContaining('The snapshot cannot be read: ') });
    // It leaves this machine.
    expect(told['reason']).not.toContain(folder);
  });

  it('leaves batches of others alone', async () => {
    queue.add([annotation(1), annotation(2)], 'queued');
    expect(await gate.requestOf([waiting(1)])).toBeUndefined();
    expect(await gate.requestOf([waiting(1), waiting(2)])).toBeUndefined();
  });

  it('has a boundary that no part can hold by chance', () => {
    const part = { name: 'a', contentType: 'text/plain', bytes: Buffer.from('--chrysproxy-\r\n') };
    const { contentType, body } = formOf([part]);
    const boundary = contentType.split('boundary=')[1]!;
    expect(boundary).toMatch(/^[\w-]{20,70}$/);
    expect(body.toString().split(boundary)).toHaveLength(3);
  });
});
