import { expect, it } from 'vitest';
import { PerCameraQueues, type WaitingItem } from '../../../src/outbox/per-camera-queues.js';

const UNLIMITED = 1e9;
const one = (seq: number, camera: string, bytes = 2): WaitingItem => ({
  seq,
  id: `id${seq}`,
  camera,
  storedMs: 0,
  json: 'x'.repeat(bytes),
  dueMs: 100 + seq,
});
const seqs = (batch: readonly WaitingItem[]): number[] => batch.map(({ seq }) => seq);

it('puts the items of all cameras into one batch, in order', () => {
  const queues = new PerCameraQueues();
  queues.add([one(1, 'a'), one(2, 'b'), one(3, 'a')]);
  expect([queues.ready, queues.nextDueMs]).toEqual([3, 101]);
  expect(seqs(queues.take(10, UNLIMITED))).toEqual([1, 2, 3]);
  expect([queues.ready, queues.inFlight, queues.size, queues.nextDueMs]).toEqual([0, 3, 3, undefined]);
});

it('takes no item of a camera while another of it is being sent', () => {
  const queues = new PerCameraQueues();
  queues.add([one(1, 'a'), one(2, 'a'), one(3, 'b'), one(4, 'a')]);
  const first = queues.take(2, UNLIMITED);
  expect(seqs(first)).toEqual([1, 2]);
  expect(seqs(queues.take(5, UNLIMITED))).toEqual([3]);
  expect(seqs(queues.take(5, UNLIMITED))).toEqual([]);
  queues.finish(first, []);
  expect(seqs(queues.take(5, UNLIMITED))).toEqual([4]);
  expect(queues.size).toBe(2);
});

it('takes unsettled items again before later ones', () => {
  const queues = new PerCameraQueues();
  queues.add([one(1, 'a'), one(2, 'a'), one(3, 'a')]);
  const batch = queues.take(2, UNLIMITED);
  queues.finish(batch, batch.slice(1));
  queues.add([one(4, 'a')]);
  expect(queues.inFlight).toBe(0);
  expect(seqs(queues.take(5, UNLIMITED))).toEqual([2, 3, 4]);
});

it('ends a batch at the maximum bytes, and takes a longer item alone', () => {
  const queues = new PerCameraQueues();
  queues.add([one(1, 'a', 50), one(2, 'a', 40), one(3, 'a', 500), one(4, 'b')]);
  const first = queues.take(10, 100);
  expect(seqs(first)).toEqual([1, 2]);
  queues.finish(first, []);
  const long = queues.take(10, 100);
  expect(seqs(long)).toEqual([3]);
});
