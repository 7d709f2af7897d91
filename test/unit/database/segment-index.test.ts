import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SegmentFacts } from '../../../src/native/types.js';
import { prepareSegmentIndex, SegmentIndex } from '../../../src/database/segment-index.js';
import { SEGMENT_INDEX_FILE, SEGMENT_MIGRATIONS } from '../../../src/database/segment-rows.js';
import type { SegmentWriter } from '../../../src/database/segment-writer.js';
import { openStore } from '../../../src/database/store.js';

const START_US = 1_700_000_000_000_000;
const GROUP_US = 2_000_000;
const FIRST = 2 ** 33;
const GROUP = 50;
const ALL = { fromUs: 0, toUs: Number.MAX_SAFE_INTEGER };

let dataDir: string;
let path: string;
let index: SegmentIndex;
let writer: SegmentWriter;
let reader: SegmentIndex;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'chrysproxy-segments-'));
  path = join(dataDir, SEGMENT_INDEX_FILE);
  prepareSegmentIndex(dataDir);
  index = new SegmentIndex(dataDir, 'write');
  writer = index.writer();
  reader = new SegmentIndex(dataDir, 'read');
});
afterEach(() => {
  reader.close();
  index.close();
  rmSync(dataDir, { recursive: true });
});

/** The `number`-th GOP of a camera that is recorded without a gap. */
function facts(number: number, more: Partial<SegmentFacts> = {}): SegmentFacts {
  const startUs = START_US + number * GROUP_US;
  return {
    startUs,
    lastUs: startUs + GROUP_US - 40_000,
    durationUs: GROUP_US,
    bytes: 1000 + number,
    frames: GROUP,
    firstSequence: FIRST + number * GROUP,
    endSequence: FIRST + (number + 1) * GROUP,
    connection: 1,
    codecName: 'h264',
    width: 640,
    height: 480,
    keyframesUs: [startUs],
    audio: false,
    ...more,
  };
}

function insert(camera: string, number: number, more: Partial<SegmentFacts> = {}): void {
  const found = facts(number, more);
  writer.insert(camera, `${found.startUs / 1000}_${found.durationUs / 1000}.mp4`, found);
}

const numbersOf = (segments: readonly { startUs: number }[]): number[] =>
  segments.map(({ startUs }) => (startUs - START_US) / GROUP_US);

describe('the index of segments', () => {
  it('returns a segment as it was stored', () => {
    const keyframesUs = [START_US, START_US + 700_001];
    insert('yard', 0, { keyframesUs, audio: true });
    expect(reader.inRange('yard', { ...ALL, afterSequence: 0, limit: 10 })).toEqual([
      { id: 1, camera: 'yard', file: '1700000000000_2000.mp4', ...facts(0, { keyframesUs, audio: true }) },
    ]);
    expect(reader.get('yard', 1)?.keyframesUs).toEqual(keyframesUs);
    expect(reader.get('door', 1)).toBeUndefined();
    expect([reader.hasAny, reader.has('yard'), reader.has('door')]).toEqual([true, true, false]);
  });

  it('finds the segments with a frame in a range, oldest first', () => {
    for (const number of [3, 0, 1, 2, 4]) insert('yard', number);
    insert('door', 2);
    const found = (fromUs: number, toUs: number): number[] =>
      numbersOf(
        reader.inRange('yard', { fromUs: START_US + fromUs, toUs: START_US + toUs, afterSequence: 0, limit: 9 }),
      );
    expect(found(0, 0)).toEqual([0]);
    expect(found(-5, -1)).toEqual([]);
    expect(found(GROUP_US - 40_000, GROUP_US)).toEqual([0, 1]);
    expect(found(GROUP_US - 39_999, GROUP_US)).toEqual([1]);
    expect(found(GROUP_US + 1, 3 * GROUP_US - 1)).toEqual([1, 2]);
    expect(found(5 * GROUP_US, 9 * GROUP_US)).toEqual([]);
    expect(found(-1e15, 1e15)).toEqual([0, 1, 2, 3, 4]);
  });

  it('finds the segments after a packet', () => {
    for (const number of [0, 1, 2]) insert('yard', number);
    const after = (afterSequence: number): number[] =>
      numbersOf(reader.inRange('yard', { ...ALL, afterSequence, limit: 2 }));
    expect(after(0)).toEqual([0, 1]);
    expect(after(FIRST + GROUP - 2)).toEqual([0, 1]);
    expect(after(FIRST + GROUP - 1)).toEqual([1, 2]);
    expect(after(FIRST + 3 * GROUP - 1)).toEqual([]);
  });

  it('pages by the start of a segment', () => {
    for (const number of [0, 1, 2]) insert('yard', number);
    const page = reader.page('yard', { ...ALL, afterUs: START_US, limit: 1 });
    expect(numbersOf(page)).toEqual([1]);
    expect(reader.spans('yard', { ...ALL, afterUs: 0, limit: 2 })).toHaveLength(2);
  });

  it('finds a segment of an earlier run that a later run overlaps', () => {
    insert('yard', 0, { lastUs: START_US + 20_000_000 });
    insert('yard', 1);
    const at = { fromUs: START_US + 15_000_000, toUs: START_US + 15_000_001 };
    expect(numbersOf(reader.inRange('yard', { ...at, afterSequence: 0, limit: 9 }))).toEqual([0]);
  });

  it('finds the segment with the nearest frame', () => {
    insert('yard', 0, { keyframesUs: [START_US, START_US + 1_500_000] });
    insert('yard', 5);
    const at = (us: number, keyframesOnly: boolean): number[] =>
      numbersOf([reader.nearest('yard', START_US + us, keyframesOnly)!]);
    expect(at(-1e12, false)).toEqual([0]);
    expect(at(1_900_000, false)).toEqual([0]);
    expect(at(5_900_000, false)).toEqual([0]);
    expect(at(6_100_000, false)).toEqual([5]);
    expect(at(5_700_000, true)).toEqual([0]);
    expect(at(5_800_000, true)).toEqual([5]);
    expect(at(1e12, true)).toEqual([5]);
    expect(reader.nearest('door', START_US, false)).toBeUndefined();
  });

  it('gives retention the sizes and the oldest segments', () => {
    insert('yard', 1);
    insert('door', 0);
    insert('yard', 2);
    expect(writer.sums()).toEqual(
      new Map([
        ['door', 1000],
        ['yard', 2003],
      ]),
    );
    const [first, second] = writer.oldest(undefined, undefined, 2);
    expect([first?.camera, second?.camera]).toEqual(['door', 'yard']);
    expect(numbersOf(writer.oldest(undefined, second, 2))).toEqual([2]);
    expect(numbersOf(writer.oldest('yard', undefined, 1))).toEqual([1]);
    writer.remove(second!.id);
    expect(numbersOf(writer.oldest('yard', undefined, 5))).toEqual([2]);
    expect([writer.endSequence('yard'), writer.endSequence('nobody')]).toEqual([FIRST + 3 * GROUP, 0]);
    expect([writer.cameras(), reader.cameras()]).toEqual([
      ['door', 'yard'],
      ['door', 'yard'],
    ]);
    expect([writer.knows('yard', '1700000004000_2000.mp4'), writer.knows('yard', 'x.mp4')]).toEqual([true, false]);
    expect(writer.files('yard', 0, 9)).toEqual([{ id: 3, file: '1700000004000_2000.mp4', bytes: 1002 }]);
  });
});

describe('the database file of the index', () => {
  it('can be read by its owner only', () => {
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('is refused with advice and not changed when it is damaged', () => {
    reader.close();
    index.close();
    writeFileSync(path, 'this is no database');
    expect(() => {
      prepareSegmentIndex(dataDir);
    }).toThrow(
      expect.objectContaining({
        kind: 'failed_precondition',
        message: expect.stringMatching(/rebuilt from the rec/),
      }),
    );
    expect(readFileSync(path, 'utf8')).toBe('this is no database');
    writeFileSync(path, '');
    prepareSegmentIndex(dataDir);
  });

  it.each([
    ['of a newer version', `PRAGMA user_version = ${SEGMENT_MIGRATIONS.length + 1}`, /newer chrysproxy/],
    ['of another program', 'PRAGMA application_id = 7', /not one of chrysproxy/],
  ])('is refused when it is %s', (_what, sql, message) => {
    const database = new Database(path);
    database.exec(sql);
    database.close();
    expect(() => {
      prepareSegmentIndex(dataDir);
    }).toThrow(expect.objectContaining({ message: expect.stringMatching(message) }));
  });

  it('is not accepted as the database of the cameras', () => {
    const store = openStore(dataDir);
    const file = readFileSync(path);
    store.close();
    writeFileSync(store.path, file);
    expect(() => openStore(dataDir)).toThrow(/not one of chrysproxy/);
  });
});
