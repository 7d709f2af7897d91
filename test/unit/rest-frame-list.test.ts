import type { Request, Response } from 'express';
import { describe, expect, it } from 'vitest';

import type { Camera } from '../../src/cameras/types.js';
import { sendFrameList } from '../../src/rest/frame-list.js';
import { FakePacketRing } from './fixtures/packet-ring.js';

const FIRST = 1;
const FRAMES = 2500;

interface Answer {
  readonly frames: readonly { readonly frame_id: number }[];
  readonly next: number | null;
}

/** Neighbours are shown the other way round, also across the places where the list is looked up in parts. */
const frameIds = (_: Uint8Array, first: number, count: number): Float64Array =>
  Float64Array.from({ length: count }, (__, i) => ((first + i) % 2 === 0 ? first + i + 1 : first + i - 1) + 10);

async function list(query: Record<string, string>): Promise<Answer> {
  const ring = new FakePacketRing(4096, FIRST);
  for (let i = 0; i < FRAMES; i += 1) ring.write({ keyframe: i % 50 === 0, arrivalMs: 1_700_000_000_000 + i * 40 });
  let answer: Answer | undefined;
  const response = { json: (value: Answer) => (answer = value) };
  const camera = { packets: { ring: ring.buffer } };
  await sendFrameList({ query } as unknown as Request, response as unknown as Response, camera as Camera, frameIds);
  return answer ?? expect.fail();
}

describe('the list of frames in memory', () => {
  it('is in the order in which they are shown, however long it is', async () => {
    const { frames, next } = await list({ limit: '10000' });
    expect(frames).toHaveLength(FRAMES);
    expect(frames.map(({ frame_id }) => frame_id)).toEqual(
      frames.map(({ frame_id }) => frame_id).toSorted((one, other) => one - other),
    );
    expect(next).toBeNull();
  });

  it('lets others have their turn while it is made', async () => {
    let turns = 0;
    let done = false;
    const turn = (): void => {
      turns += 1;
      if (!done) setImmediate(turn);
    };
    setImmediate(turn);
    await list({ limit: '10000' });
    done = true;
    expect(turns).toBeGreaterThanOrEqual(2);
  });

  it.each([1, 999, 1000, 1001, 2500])('comes in pages of %i without a hole', async (limit) => {
    const first = await list({ limit: String(limit) });
    expect(first.frames).toHaveLength(limit);
    expect(first.next).toBe(limit === FRAMES ? null : FIRST + limit - 1);
    if (first.next === null) return;
    const second = await list({ limit: '1', after: String(first.next) });
    expect(second.next).toBe(limit === FRAMES - 1 ? null : FIRST + limit);
  });
});
