import { describe, expect, it } from 'vitest';

import type { Camera } from '../../../src/cameras/types.js';
import type { SegmentFrames } from '../../../src/native/types.js';
import { LATEST_MS } from '../../../src/rest/route-table/parameters.js';
import type { FrameListAnswer } from '../../../src/rest/route-table/pictures.js';
import { type FrameListParts, type FrameListQuery, listFrames } from '../../../src/rest/routes/frame-list.js';
import type { Segment } from '../../../src/database/segment.js';
import { FakePacketRing } from '../fixtures/packet-ring.js';

const FIRST = 1;
const FRAMES = 2500;

/** Frame ids of neighbours are exchanged, also where one part of the lookup ends and the next begins. */
const frameIds = (_: Uint8Array, first: number, count: number): Float64Array =>
  Float64Array.from({ length: count }, (__, i) => ((first + i) % 2 === 0 ? first + i + 1 : first + i - 1) + 10);

const START_MS = 1_700_000_000_000;
const FRAME_MS = 40;
const GOP = 50;

/** The packets up to `recorded` are on disk, in segments of one GOP each, except for `missing`. */
function partsOf(recorded = FIRST, missing: readonly number[] = []): FrameListParts {
  const all = Array.from({ length: Math.ceil((recorded - FIRST) / GOP) }, (_, index): Segment => {
    const firstSequence = FIRST + index * GOP;
    return { firstSequence, endSequence: firstSequence + GOP, file: String(firstSequence) } as Segment;
  });
  return {
    frameIds,
    recordings: {
      inRange: (_camera, { afterSequence, limit }) =>
        all.filter(({ endSequence }) => endSequence > afterSequence + 1).slice(0, limit),
      nearest: () => undefined,
      pathOf: ({ file }) => file,
    },
    segmentFrames: async (path): Promise<SegmentFrames> => {
      const firstSequence = Number(path);
      if (missing.includes(firstSequence)) throw Object.assign(new Error('it is gone'), { code: 'ENOENT' });
      return await Promise.resolve({
        firstSequence,
        frameIds: frameIds(new Uint8Array(), firstSequence, GOP),
        arrivalsUs: Float64Array.from(
          { length: GOP },
          (_, i) => 1000 * (START_MS + (firstSequence - FIRST + i) * FRAME_MS),
        ),
        pts: new Float64Array(GOP),
        bytes: new Int32Array(GOP),
        keyframes: new Uint8Array(GOP),
      });
    },
  };
}

/** The newest `inMemory` of FRAMES packets are in memory. Without packets in memory the camera was removed. */
async function list(query: Partial<FrameListQuery>, parts = partsOf(), inMemory = FRAMES): Promise<FrameListAnswer> {
  const ring = new FakePacketRing(4096, FIRST + FRAMES - inMemory);
  for (let i = FRAMES - inMemory; i < FRAMES; i += 1) {
    ring.write({ keyframe: i % GOP === 0, arrivalMs: START_MS + i * FRAME_MS });
  }
  const camera = inMemory > 0 ? ({ packets: { ring: ring.buffer } } as Camera) : undefined;
  const whole = { fromMs: 0, toMs: LATEST_MS, after: 0, limit: 1000 };
  return await listFrames({ name: 'cam', camera }, { ...whole, ...query }, parts);
}

const ids = ({ frames }: FrameListAnswer): number[] => frames.map(({ frame_id }) => frame_id);

describe('the list of frames on disk and in memory', () => {
  it.each([
    [FRAMES, FRAMES],
    [FRAMES, 300],
    [FRAMES - 300, 300],
    [FRAMES - 50, 275],
  ])('has each frame once, with %i recorded and %i in memory', async (recorded, inMemory) => {
    const { frames, next } = await list({ limit: 10_000 }, partsOf(FIRST + recorded, []), inMemory);
    expect(new Set(frames.map(({ frame_id }) => frame_id)).size).toBe(FRAMES);
    expect(frames).toHaveLength(FRAMES);
    expect(next).toBeNull();
  });

  it.each([1, 49, 50, 101])('has no gap between pages of %i frames', async (limit) => {
    const parts = partsOf(FIRST + 2300);
    const whole = ids(await list({ limit: 10_000 }, parts, 500));
    const paged: number[] = [];
    // The first frame, and the frames on both sides of the boundary between disk and memory.
    for (const start of [0, 1950]) {
      paged.length = 0;
      let after = start;
      for (let page = 0; page < 5; page += 1) {
        const { frames, next } = await list({ limit, after }, parts, 500);
        expect(frames).toHaveLength(limit);
        paged.push(...frames.map(({ frame_id }) => frame_id));
        after = next ?? expect.fail();
      }
      expect(new Set(paged).size).toBe(5 * limit);
      expect(whole).toEqual(expect.arrayContaining(paged));
      expect(Math.abs(Math.max(...paged) - Math.min(...paged) + 1 - 5 * limit)).toBeLessThanOrEqual(2);
    }
  });

  it('leaves out segments that are gone from the disk', async () => {
    const answer = await list({ limit: 10_000 }, partsOf(FIRST + 2300, [FIRST + 100]), 500);
    expect(answer.frames).toHaveLength(FRAMES - GOP);
  });

  it('has only memory when nothing is recorded, and only the recording when the camera was removed', async () => {
    expect((await list({}, partsOf(), 500)).frames).toHaveLength(500);
    const answer = await list({ limit: 10_000 }, partsOf(FIRST + 300), 0);
    expect(ids(answer)).toEqual([...frameIds(new Uint8Array(), FIRST, 300)].toSorted((one, other) => one - other));
    expect(answer.next).toBeNull();
  });

  it('has only frames inside the range', async () => {
    const at = (frame: number): number => START_MS + frame * FRAME_MS;
    const { frames } = await list({ fromMs: at(110), toMs: at(2200), limit: 10_000 }, partsOf(FIRST + 2300), 500);
    expect(frames).toHaveLength(2091);
  });
});

describe('the list of frames in memory', () => {
  it('is in display order, also when it is long', async () => {
    const { frames, next } = await list({ limit: 10_000 });
    expect(frames).toHaveLength(FRAMES);
    expect(frames.map(({ frame_id }) => frame_id)).toEqual(
      frames.map(({ frame_id }) => frame_id).toSorted((one, other) => one - other),
    );
    expect(next).toBeNull();
  });

  it('lets other work run while it is made', async () => {
    let turns = 0;
    let done = false;
    const turn = (): void => {
      turns += 1;
      if (!done) setImmediate(turn);
    };
    setImmediate(turn);
    await list({ limit: 10_000 });
    done = true;
    expect(turns).toBeGreaterThanOrEqual(2);
  });

  it.each([1, 999, 1000, 1001, 2500])('has no gap between pages of %i frames', async (limit) => {
    const first = await list({ limit });
    expect(first.frames).toHaveLength(limit);
    expect(first.next).toBe(limit === FRAMES ? null : FIRST + limit - 1);
    if (first.next === null) return;
    const second = await list({ limit: 1, after: first.next });
    expect(second.next).toBe(limit === FRAMES - 1 ? null : FIRST + limit);
  });
});
