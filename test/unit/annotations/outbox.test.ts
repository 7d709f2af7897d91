import { expect, it } from 'vitest';
import { Outbox, type Waiting } from '../../../src/annotations/outbox.js';

const MUCH = 1e9;
const one = (seq: number, camera: string, bytes = 2): Waiting => ({
  seq,
  id: `id${seq}`,
  camera,
  storedMs: 0,
  json: 'x'.repeat(bytes),
  dueMs: 100 + seq,
});
const seqs = (batch: readonly Waiting[]): number[] => batch.map(({ seq }) => seq);

it('puts what waits of all cameras into one batch, in its order', () => {
  const outbox = new Outbox();
  outbox.add([one(1, 'a'), one(2, 'b'), one(3, 'a')]);
  expect([outbox.ready, outbox.nextDueMs]).toEqual([3, 101]);
  expect(seqs(outbox.take(10, MUCH))).toEqual([1, 2, 3]);
  expect([outbox.ready, outbox.inFlight, outbox.size, outbox.nextDueMs]).toEqual([0, 3, 3, undefined]);
});

it('lets nothing of a camera overtake what is on its way', () => {
  const outbox = new Outbox();
  outbox.add([one(1, 'a'), one(2, 'a'), one(3, 'b'), one(4, 'a')]);
  const first = outbox.take(2, MUCH);
  expect(seqs(first)).toEqual([1, 2]);
  expect(seqs(outbox.take(5, MUCH))).toEqual([3]);
  expect(seqs(outbox.take(5, MUCH))).toEqual([]);
  outbox.finish(first, []);
  expect(seqs(outbox.take(5, MUCH))).toEqual([4]);
  expect(outbox.size).toBe(2);
});

it('sends what was not taken before what came later', () => {
  const outbox = new Outbox();
  outbox.add([one(1, 'a'), one(2, 'a'), one(3, 'a')]);
  const batch = outbox.take(2, MUCH);
  outbox.finish(batch, batch.slice(1));
  outbox.add([one(4, 'a')]);
  expect(outbox.inFlight).toBe(0);
  expect(seqs(outbox.take(5, MUCH))).toEqual([2, 3, 4]);
});

it('ends a batch at its bytes, and sends a long one alone', () => {
  const outbox = new Outbox();
  outbox.add([one(1, 'a', 50), one(2, 'a', 40), one(3, 'a', 500), one(4, 'b')]);
  const first = outbox.take(10, 100);
  expect(seqs(first)).toEqual([1, 2]);
  outbox.finish(first, []);
  const long = outbox.take(10, 100);
  expect(seqs(long)).toEqual([3]);
});
