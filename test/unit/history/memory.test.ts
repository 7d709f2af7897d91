import { expect, it } from 'vitest';
import { HistoryFrames } from '../../../src/history/history-frames.js';
import { SlotWriter } from '../../../src/history/slots.js';

/** A message as another thread receives it. */
const sent = <T>(message: T): T => structuredClone(message);

it('memory that goes to a worker and back returns to the pool only once, so that no two slots share it', () => {
  const unused: SharedArrayBuffer[] = [];
  const pooled = [new SharedArrayBuffer(100)];
  const frames = new HistoryFrames(
    {
      copyBytes: () => undefined,
      onClosed: () => undefined,
      onRelease: () => undefined,
      onUnused: (memories) => void unused.push(...memories),
    },
    pooled,
  );
  const writer = new SlotWriter(frames.slots.buffer, sent(pooled));
  for (const slot of [0, 1]) frames.onMessage(sent({ kind: 'memory', id: 1, slot, ...writer.replace(slot, 100) }));
  frames.close();
  frames.end();
  expect(unused).toHaveLength(2);
  for (const [index, memory] of unused.entries()) new Uint8Array(memory).fill(index + 1);
  expect(unused.map((memory) => new Uint8Array(memory)[0])).toEqual([1, 2]);
});
