import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EvidenceGate, MAX_SENT_BYTES } from '../../../../src/annotations/evidence/evidence-gate.js';
import { formOf } from '../../../../src/annotations/evidence/multipart.js';
import { PerCameraQueues, type WaitingItem } from '../../../../src/outbox/per-camera-queues.js';
import { partsOf, type ReceivedPart } from '../../../support/multipart.js';
import { annotation, STORED_MS } from '../fixture.js';
import { EvidenceStore, id, made, REQUEST } from './fixture.js';

let store: EvidenceStore;

beforeEach(() => {
  store = new EvidenceStore();
});
afterEach(() => {
  store.remove();
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
    gate = new EvidenceGate({ folder: store.folder, table: store.table, clock, wake: () => (woken += 1) });
  });

  const waiting = (seq: number, camera = 'yard'): WaitingItem => ({ ...annotation(seq, { camera }), seq, dueMs: 0 });
  /** The JSON and the other parts of the request. */
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

  it('holds back its annotation and later ones of the camera, and is sent in a batch of its own', () => {
    for (const number of [1, 3]) store.queue.add([annotation(number)], 'queued');
    store.add(2);
    const queues = new PerCameraQueues(gate);
    queues.add([waiting(1), waiting(2), waiting(3), waiting(4, 'door')]);
    const take = (): number[] => {
      const batch = queues.take(10, 1e9);
      queues.finish(batch, []);
      return batch.map(({ seq }) => seq);
    };
    expect(take()).toEqual([1]);
    expect(take()).toEqual([4]);
    expect([take(), queues.nextDueMs]).toEqual([[], undefined]);
    store.table.settle(id(2), made(4));
    expect(take()).toEqual([2]);
    expect(take()).toEqual([3]);
  });

  it('holds back its annotation for a limited time', async () => {
    store.add(1);
    expect(gate.holds(waiting(1))).toBe(true);
    const [timer] = timers;
    nowMs = timer!.atMs;
    expect(nowMs).toBeGreaterThan(REQUEST.toMs + 60_000);
    timer!.action();
    expect([woken, gate.holds(waiting(1))]).toEqual([1, false]);
    const field = evidenceIn(await sent(1));
    expect(field).toEqual({ state: 'pending', parts: [], reason: expect.stringContaining('not made in time') });
  });

  it('does not hold back its annotation again after a failed attempt, and includes a complete snapshot', async () => {
    store.add(1);
    store.write(1, 'the clip', 'the jpeg');
    store.table.noteSnapshot(id(1), { jpegBytes: 8, jpegFrameId: 7, jpegMs: STORED_MS });
    expect(gate.holds(waiting(1))).toBe(true);
    nowMs = timers[0]!.atMs;
    expect(gate.holds(waiting(1))).toBe(false);
    expect((await sent(1)).parts.map(({ name }) => name)).toEqual(['snapshot']);
    gate.failed([waiting(1)]);
    expect(gate.holds(waiting(1))).toBe(false);
  });

  it('is left out after repeated failures, and sent again if it was not the cause', async () => {
    store.add(1);
    store.write(1, 'the clip', 'the jpeg');
    store.table.settle(id(1), made(8, 8));
    for (let failure = 0; failure < 3; failure += 1) {
      expect((await sent(1)).parts).toHaveLength(2);
      gate.failed([waiting(1)]);
    }
    const without = await sent(1);
    expect(without.parts).toEqual([]);
    expect(evidenceIn(without)['reason']).toContain('were refused 3 times');
    gate.failed([waiting(1)]);
    expect((await sent(1)).parts).toHaveLength(2);
    gate.failed([waiting(1)]);
    gate.settled([waiting(1)]);
    expect((await sent(1)).parts).toHaveLength(2);
  });

  it('is a form with the annotation first, with the same bytes in every attempt', async () => {
    store.add(1);
    store.write(1, 'the clip', 'the jpeg');
    store.table.settle(id(1), made(8, 8, { reason: 'It begins late.' }));
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

  it('that is too long or unreadable is left out, and the annotation says so', async () => {
    store.add(1);
    store.write(1, '', 'the jpeg');
    store.table.settle(id(1), made(MAX_SENT_BYTES, 8));
    const form = await sent(1);
    expect(form.parts.map(({ name }) => name)).toEqual(['snapshot']);
    expect(evidenceIn(form)['reason']).toContain('too long to be sent');
    rmSync(store.folder, { recursive: true });
    const field = evidenceIn(await sent(1));
    expect(field).toMatchObject({ parts: [], reason: expect.stringContaining('The snapshot cannot be read: ') });
    // The text leaves this machine.
    expect(field['reason']).not.toContain(store.folder);
  });

  it('does not change batches without evidence', async () => {
    store.queue.add([annotation(1), annotation(2)], 'queued');
    expect(await gate.requestOf([waiting(1)])).toBeUndefined();
    expect(await gate.requestOf([waiting(1), waiting(2)])).toBeUndefined();
  });

  it('has a boundary that no part contains', () => {
    const part = { name: 'a', contentType: 'text/plain', bytes: Buffer.from('--chrysproxy-\r\n') };
    const { contentType, body } = formOf([part]);
    const boundary = contentType.split('boundary=')[1]!;
    expect(boundary).toMatch(/^[\w-]{20,70}$/);
    expect(body.toString().split(boundary)).toHaveLength(3);
  });
});
