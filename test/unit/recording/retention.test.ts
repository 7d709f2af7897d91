import { describe, expect, it } from 'vitest';

import { Cleaning } from '../../../src/recording/cleaning.js';
import { ageUs, ClockJumps } from '../../../src/recording/clock-jumps.js';
import type { ToRecorder } from '../../../src/recording/messages.js';
import {
  isOverLimit,
  planDeletion,
  type RetentionState,
  type RetentionRules,
  type DeletionPlan,
} from '../../../src/recording/retention.js';
import { runOnSchedule } from '../../../src/recording/schedule.js';
import { timelineOf } from '../../../src/recording/timeline.js';
import type { SpanRow } from '../../../src/database/segment-index.js';
import type { SegmentSize } from '../../../src/database/segment-writer.js';
import { StillClock } from '../fixtures/still-clock.js';

const HOUR_MS = 3_600_000;
const NO_RULES: RetentionRules = { olderThanMs: 0, maxBytesPerCamera: 0, maxBytesTotal: 0, minFreeBytes: 0 };
const SECOND_US = 1_000_000;

/** Segments of one second and 100 bytes, one after the other, of yard and door in turn. */
function segments(count: number): SegmentSize[] {
  return Array.from({ length: count }, (_, index) => ({
    id: index + 1,
    camera: index % 2 === 0 ? 'yard' : 'door',
    file: `${index}_1000.mp4`,
    startUs: index * SECOND_US,
    durationUs: SECOND_US,
    bytes: 100,
  }));
}

function goes(
  rules: Partial<RetentionRules>,
  count: number,
  now: Partial<RetentionState> = {},
  limit = 100,
): DeletionPlan {
  const all = segments(count);
  const bytes = new Map<string, number>();
  for (const { camera, bytes: size } of all) bytes.set(camera, (bytes.get(camera) ?? 0) + size);
  return planDeletion(
    { ...NO_RULES, ...rules },
    {
      nowUs: count * SECOND_US,
      jumps: [],
      protectedSpans: [],
      undeletable: new Set(),
      bytes,
      freeBytes: 1000,
      // Small pages, so that the selection needs several of them.
      oldest: (camera, after) =>
        all.filter((one) => (camera === undefined || one.camera === camera) && one.id > (after?.id ?? 0)).slice(0, 2),
      ...now,
    },
    limit,
  );
}

const idsOf = ({ segments }: DeletionPlan): number[] => segments.map(({ id }) => id);

describe('planDeletion', () => {
  it('skips a segment that could not be deleted', () => {
    const stuck = new Set([1]);
    expect(idsOf(goes({ maxBytesTotal: 800 }, 10, { undeletable: stuck }))).toEqual([2, 3]);
  });

  it('deletes nothing without limits', () => {
    expect(goes({}, 10)).toEqual({ segments: [], hasMore: false });
  });

  it('deletes segments that ended too long ago', () => {
    expect(idsOf(goes({ olderThanMs: 6000 }, 10))).toEqual([1, 2, 3]);
    expect(idsOf(goes({ olderThanMs: 6001 }, 10))).toEqual([1, 2, 3]);
    expect(idsOf(goes({ olderThanMs: 5999 }, 10))).toEqual([1, 2, 3, 4]);
  });

  it('deletes the oldest segments of a camera with too many bytes', () => {
    expect(idsOf(goes({ maxBytesPerCamera: 300 }, 10))).toEqual([1, 3, 2, 4]);
  });

  it('deletes the oldest segments of all cameras when there are too many bytes', () => {
    expect(idsOf(goes({ maxBytesTotal: 700 }, 10))).toEqual([1, 2, 3]);
    expect(idsOf(goes({ maxBytesTotal: 699 }, 10))).toEqual([1, 2, 3, 4]);
  });

  it('deletes the oldest segments of all cameras when too little space is free', () => {
    expect(idsOf(goes({ minFreeBytes: 1200 }, 10))).toEqual([1, 2]);
    expect(idsOf(goes({ minFreeBytes: 1000 }, 10))).toEqual([]);
  });

  it('counts the segments of one rule for the other rules', () => {
    expect(
      idsOf(goes({ olderThanMs: 6000, maxBytesTotal: 700, minFreeBytes: 1300, maxBytesPerCamera: 400 }, 10)),
    ).toEqual([1, 2, 3]);
  });

  it('never deletes a segment that overlaps a protected span', () => {
    const protectedSpans = [
      { camera: 'yard', fromUs: 2 * SECOND_US + 5, toUs: 2 * SECOND_US + 6 },
      { camera: 'door', fromUs: 4 * SECOND_US, toUs: 4 * SECOND_US },
    ];
    expect(idsOf(goes({ olderThanMs: 4000 }, 10, { protectedSpans }))).toEqual([1, 2, 5]);
    expect(idsOf(goes({ maxBytesTotal: 600 }, 10, { protectedSpans }))).toEqual([1, 2, 5, 6]);
    const all = [{ camera: 'yard', fromUs: 0, toUs: 1e12 }];
    expect(idsOf(goes({ maxBytesTotal: 1 }, 10, { protectedSpans: all }))).toEqual([2, 4, 6, 8, 10]);
  });

  it('plans up to the limit and reports that there are more', () => {
    expect(goes({ maxBytesTotal: 500 }, 10, {}, 3)).toMatchObject({
      hasMore: true,
      segments: [{ id: 1 }, { id: 2 }, { id: 3 }],
    });
    expect(goes({ maxBytesTotal: 700 }, 10, {}, 3)).toMatchObject({ hasMore: false });
  });
});

it('isOverLimit is true only beyond a limit, and 0 means no limit', () => {
  const bytes = { ofCamera: 10, total: 20, free: 30 };
  expect(isOverLimit(NO_RULES, bytes)).toBe(false);
  expect(isOverLimit({ ...NO_RULES, maxBytesPerCamera: 10, maxBytesTotal: 20, minFreeBytes: 30 }, bytes)).toBe(false);
  for (const rule of [{ maxBytesPerCamera: 9 }, { maxBytesTotal: 19 }, { minFreeBytes: 31 }]) {
    expect(isOverLimit({ ...NO_RULES, ...rule }, bytes)).toBe(true);
  }
});

describe('a jump of the wall clock', () => {
  const clock = (): { clock: StillClock; jumps: ClockJumps } => {
    const still = new StillClock();
    return { clock: still, jumps: new ClockJumps(still) };
  };
  const age = ({ clock, jumps }: { clock: StillClock; jumps: ClockJumps }, endMs: number): number => {
    jumps.check();
    return ageUs(endMs * 1000, clock.nowMs() * 1000, jumps.list) / 1000;
  };

  it('forward makes no segment older', () => {
    const both = clock();
    const before = both.clock.nowMs();
    both.clock.advance(60_000);
    both.clock.jump(HOUR_MS);
    both.clock.advance(500);
    expect(age(both, before)).toBe(60_500);
    const after = both.clock.nowMs();
    both.clock.advance(60_000);
    expect([age(both, before), age(both, after)]).toEqual([120_500, 60_000]);
  });

  it('forward twice makes no segment older', () => {
    const both = clock();
    const first = both.clock.nowMs();
    both.clock.jump(HOUR_MS);
    both.jumps.check();
    const second = both.clock.nowMs();
    both.clock.advance(1000);
    both.clock.jump(2 * HOUR_MS);
    expect([age(both, first), age(both, second)]).toEqual([1000, 1000]);
  });

  it('back makes segments younger, and forward again gives them their true age', () => {
    const both = clock();
    const before = both.clock.nowMs();
    both.clock.advance(1000);
    both.clock.jump(-HOUR_MS);
    expect(age(both, before)).toBe(1000 - HOUR_MS);
    both.clock.jump(HOUR_MS);
    expect(age(both, before)).toBe(1000);
  });

  it('of a few seconds counts as a correction', () => {
    const both = clock();
    both.clock.jump(29_000);
    both.jumps.check();
    both.clock.jump(29_000);
    both.jumps.check();
    expect(both.jumps.list).toEqual([]);
  });
});

describe('Cleaning', () => {
  function rig() {
    const clock = new StillClock();
    const sent: Extract<ToRecorder, { kind: 'clean' }>[] = [];
    const spans = [{ camera: 'yard', fromUs: 1, toUs: 2 }];
    const broken = { is: false };
    const cleaning = new Cleaning({
      clock,
      logger: { error: () => undefined },
      schedule: '@every 5m',
      protectedSpans: () => {
        if (broken.is) throw new Error('the disk cannot be read');
        return [...spans];
      },
      send: (message) => sent.push(message),
    });
    return { clock, sent, spans, cleaning, broken };
  }

  it('deletes nothing while the protected clips cannot be read, and goes on after that', () => {
    const { clock, sent, cleaning, broken } = rig();
    broken.is = true;
    cleaning.begin();
    clock.advance(300_000);
    expect(sent).toEqual([]);
    broken.is = false;
    clock.advance(300_000);
    expect(sent).toHaveLength(1);
  });

  it('begins on schedule, and reads the protected spans again for each part', () => {
    const { clock, sent, spans, cleaning } = rig();
    clock.advance(299_999);
    expect(sent).toEqual([]);
    clock.advance(1);
    expect(sent).toEqual([
      {
        kind: 'clean',
        nowUs: clock.nowMs() * 1000,
        jumps: [],
        protectedSpans: [{ camera: 'yard', fromUs: 1, toUs: 2 }],
      },
    ]);
    spans.pop();
    cleaning.onCleaned(true);
    cleaning.onCleaned(false);
    expect(sent.map(({ protectedSpans }) => protectedSpans.length)).toEqual([1, 0]);
    clock.advance(300_000);
    expect(sent).toHaveLength(3);
    cleaning.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it('sends one request at a time', () => {
    const { sent, cleaning } = rig();
    cleaning.begin();
    cleaning.begin();
    cleaning.begin();
    expect(sent).toHaveLength(1);
    cleaning.onCleaned(false);
    expect(sent).toHaveLength(2);
    cleaning.onCleaned(false);
    expect(sent).toHaveLength(2);
    cleaning.begin();
    cleaning.reset();
    cleaning.begin();
    expect(sent).toHaveLength(4);
    cleaning.close();
  });

  it('includes a jump that happened since the last check of the clock', () => {
    const { clock, sent, cleaning } = rig();
    clock.advance(100);
    const oldNowUs = clock.nowMs() * 1000;
    clock.jump(HOUR_MS);
    cleaning.begin();
    expect(sent[0]?.jumps).toEqual([{ oldNowUs, byUs: HOUR_MS * 1000 }]);
    cleaning.close();
  });
});

describe('a schedule', () => {
  it.each(['@hourly', '@midnight', '*/5 * * * *', '0 */5 * * * *', '0 0 * * MON-FRI'])('can be %s', (schedule) => {
    runOnSchedule(schedule, new StillClock(), () => undefined)();
  });

  it('runs its action at the times of a pattern', async () => {
    await new Promise<void>((resolve) => {
      const end = runOnSchedule('* * * * * *', new StillClock(), () => {
        end();
        resolve();
      });
    });
  });

  it('that is not valid is refused', () => {
    expect(() => runOnSchedule('99 * * * *', new StillClock(), () => undefined)).toThrow(
      expect.objectContaining({
        kind: 'failed_precondition',
        message: expect.stringMatching(/on_disk_schedule: "99 \* \* \* \*".*minute.*Correct the pattern/) as string,
      }),
    );
  });

  it('of many days does not run at once', () => {
    const clock = new StillClock();
    let runs = 0;
    const end = runOnSchedule('@every 52w', clock, () => (runs += 1));
    clock.advance(20 * 24 * HOUR_MS);
    expect(runs).toBe(0);
    end();
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('timelineOf', () => {
  const row = (startMs: number, more: Partial<SpanRow> = {}): SpanRow => ({
    startUs: startMs * 1000,
    durationUs: 2 * SECOND_US,
    bytes: 10,
    frames: 50,
    firstSequence: startMs,
    endSequence: startMs + 2000,
    connection: 1,
    ...more,
  });
  const timeline = (rows: readonly SpanRow[]) =>
    timelineOf(
      {
        spans: (_camera, { afterUs, limit }) => rows.filter(({ startUs }) => startUs > afterUs).slice(0, limit),
      },
      'yard',
      { fromUs: 0, toUs: 1e15 },
    );

  it('is empty when nothing is recorded', async () => {
    expect(await timeline([])).toEqual({ spans: [], segments: 0, bytes: 0, frames: 0 });
  });

  it('shows gaps, and ignores jitter of the network', async () => {
    const late = row(5400, { firstSequence: 5000, endSequence: 7000 });
    const rows = [
      row(1000),
      row(3000),
      late,
      row(9000),
      row(11_070, { connection: 2 }),
      row(13_200, { connection: 3 }),
    ];
    expect(await timeline(rows)).toEqual({
      spans: [
        { fromMs: 1000, toMs: 7400 },
        { fromMs: 9000, toMs: 13_070 },
        { fromMs: 13_200, toMs: 15_200 },
      ],
      segments: 6,
      bytes: 60,
      frames: 300,
    });
  });

  it('reads a day without blocking other work', async () => {
    const rows = Array.from({ length: 2500 }, (_, index) => row(1 + index * 2000));
    let turns = 0;
    const counting = setInterval(() => (turns += 1), 0);
    const answer = await timeline(rows);
    clearInterval(counting);
    expect(answer.spans).toEqual([{ fromMs: 1, toMs: 5_000_001 }]);
    expect(answer.segments).toBe(2500);
    expect(turns).toBeGreaterThan(0);
  });
});
