import { describe, expect, it } from 'vitest';
import { coverageOf, type CoverageInterval } from '../../../../src/annotations/evidence/coverage.js';
import { incompleteClipTexts, noClipText } from '../../../../src/annotations/evidence/evidence-texts.js';
import { REQUEST } from './fixture.js';

describe('the coverage of a clip', () => {
  const SECOND = 1_000_000;
  const at = (from: number, to: number, sequences: [number, number], connection = 1): CoverageInterval => ({
    fromUs: from * SECOND,
    toUs: to * SECOND,
    firstSequence: sequences[0],
    endSequence: sequences[1],
    connection,
  });
  const coverage = (...intervals: CoverageInterval[]): unknown =>
    coverageOf(intervals, { fromUs: 2e6, toUs: 8e6 + 999 }, 80);

  it('is the part of the range that is on disk or in memory', () => {
    expect(coverage()).toBeUndefined();
    expect(coverage(at(5, 9, [60, 110]), at(0, 5.1, [0, 60]))).toEqual({ fromMs: 2000, toMs: 8000, hasGaps: false });
    expect(coverage(at(0, 5, [0, 60]), at(3, 6, [30, 70]))).toEqual({ fromMs: 2000, toMs: 6000, hasGaps: false });
    expect(coverage(at(3, 9, [30, 100]))).toEqual({ fromMs: 3000, toMs: 8000, hasGaps: false });
  });

  it('has gaps where packets are missing or the camera was away', () => {
    expect(coverage(at(0, 5, [0, 60]), at(5, 9, [61, 100]))).toMatchObject({ hasGaps: true });
    expect(coverage(at(0, 5, [0, 60]), at(7, 9, [60, 100]))).toMatchObject({ hasGaps: false });
    expect(coverage(at(0, 5, [0, 60]), at(7, 9, [60, 100], 2))).toMatchObject({ hasGaps: true });
  });

  it('is described by its missing parts, with the reason', () => {
    const now = { startedMs: REQUEST.fromMs + 500, isRecorded: false };
    const range = { fromMs: REQUEST.fromMs, toMs: REQUEST.toMs, hasGaps: false, frameMs: 40 };
    expect(incompleteClipTexts(REQUEST, range, now)).toEqual([]);
    expect(
      incompleteClipTexts(REQUEST, { ...range, fromMs: REQUEST.fromMs + 400, toMs: REQUEST.toMs - 400 }, now),
    ).toEqual([]);
    const [begins, ends, gaps] = incompleteClipTexts(
      REQUEST,
      { ...range, fromMs: REQUEST.fromMs + 600, toMs: REQUEST.toMs - 600, hasGaps: true },
      now,
    );
    expect(begins).toMatch(/begins at \d+ .* and not at .*only in memory before are lost\.$/);
    expect(ends).toContain(`and not at ${REQUEST.toMs} `);
    expect(gaps).toContain('gaps');
    expect(noClipText(REQUEST, { startedMs: 0, isRecorded: false })).toContain('raise buffer.in_memory');
  });
});
