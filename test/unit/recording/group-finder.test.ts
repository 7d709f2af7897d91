import { describe, expect, it } from 'vitest';

import { PACKET_RING } from '../../../src/gen/ring-layout.js';
import { GroupFinder, type FinderOptions, type Found } from '../../../src/recording/group-finder.js';
import { FakePacketRing } from '../fixtures/packet-ring.js';

const FIRST = 2 ** 33 + 7;
const START_MS = 1_700_000_000_000;
const FRAME_MS = 40;

/** A ring, a camera that writes into it, and a finder. Sequences count from FIRST. */
class Rig {
  readonly ring: FakePacketRing;
  readonly finder: GroupFinder;
  private written = 0;

  constructor(options: Partial<FinderOptions> = {}, entries = 64) {
    this.ring = new FakePacketRing(entries, FIRST);
    this.finder = new GroupFinder(this.ring.buffer, {
      fromSequence: 0,
      minUs: 0,
      isSameStream: () => true,
      ...options,
    });
  }

  /** Writes one packet for each letter; a capital letter is a keyframe. */
  write(packets: string, connection = 1, bytes = 100): this {
    for (const letter of packets) {
      this.ring.write({
        keyframe: letter !== letter.toLowerCase(),
        arrivalMs: START_MS + this.written * FRAME_MS,
        connection,
        bytes,
      });
      this.written += 1;
    }
    return this;
  }

  /** Shows results as "0-3" (packets 0, 1 and 2) or "lost 2". */
  all(ended = false): string[] {
    const found: string[] = [];
    for (let next = this.finder.next(ended); next !== undefined; next = this.finder.next(ended)) found.push(text(next));
    return found;
  }
}

function text({ segment, lostGroups }: Found): string {
  if (segment === undefined) return `lost ${lostGroups}`;
  return `${segment.firstSequence - FIRST}-${segment.endSequence - FIRST}`;
}

describe('the next segment', () => {
  it('is a group of pictures, as soon as the next keyframe has arrived', () => {
    const rig = new Rig().write('Kpp');
    expect(rig.all()).toEqual([]);
    expect(rig.write('KppKp').all()).toEqual(['0-3', '3-6']);
    expect(rig.all()).toEqual([]);
    expect(rig.write('pK').all()).toEqual(['6-9']);
  });

  it('begins with the first keyframe from the start sequence on', () => {
    expect(new Rig().write('pppKppK').all()).toEqual(['3-6']);
    const ring = new FakePacketRing(64, FIRST);
    for (let index = 0; index < 9; index += 1) ring.write({ keyframe: index % 3 === 0, arrivalMs: START_MS });
    const finder = new GroupFinder(ring.buffer, { fromSequence: FIRST + 2, minUs: 0, isSameStream: () => true });
    expect(text(finder.next(false)!)).toBe('3-6');
  });

  it('ends where the connection ends', () => {
    const rig = new Rig().write('KppKp').write('ppKpK', 2);
    expect(rig.all()).toEqual(['0-3', '3-5', '7-9']);
    const { segment } = new Rig().write('Kp', 5).write('K', 6).finder.next(false)!;
    expect(segment).toMatchObject({ connection: 5, groups: 1 });
  });

  it('is the group in progress when no more packets come', () => {
    const rig = new Rig().write('KppKp');
    expect(rig.all(true)).toEqual(['0-3', '3-5']);
    expect(rig.all(true)).toEqual([]);
    expect(rig.write('KpK', 2).all()).toEqual(['5-7']);
  });

  it('joins groups up to the minimum length', () => {
    const rig = new Rig({ minUs: 5 * FRAME_MS * 1000 }).write('KpKpKpKpKpKpK');
    expect(rig.all()).toEqual(['0-6', '6-12']);
    expect(rig.write('pK').all(true)).toEqual(['12-15']);
  });

  it('lasts at least one second when every packet is a keyframe', () => {
    // 25 pictures last 1 s. Half of the packets that the ring guarantees is 32.
    const rig = new Rig({}, 128).write('K'.repeat(60));
    expect(rig.all()).toEqual(['0-25', '25-50']);
    expect(rig.all(true)).toEqual(['50-60']);
    expect(new Rig({ minUs: 30 * FRAME_MS * 1000 }, 128).write('K'.repeat(61)).all()).toEqual(['0-30', '30-60']);
  });

  it('is one group again as soon as not every packet is a keyframe', () => {
    expect(new Rig().write('KKKpKpKpK').all()).toEqual(['0-4', '4-6', '6-8']);
  });

  it('joins no groups of different streams', () => {
    const isSameStream = (first: number, second: number): boolean => first < FIRST + 4 === second < FIRST + 4;
    expect(new Rig({ minUs: 1e9, isSameStream }).write('KpKpKpKp').all(true)).toEqual(['0-4', '4-8']);
  });

  it('joins at most half of the packets that the ring guarantees', () => {
    const rig = new Rig({ minUs: 1e9 }).write('Kp'.repeat(20));
    // A ring with 64 entries guarantees 32 packets.
    expect(rig.all()).toEqual(['0-16', '16-32']);
    const header = new BigInt64Array(rig.ring.buffer, 0, PACKET_RING.bytes / 8);
    header[PACKET_RING.minPacketsI64] = 8n;
    expect(rig.all(true)).toEqual(['32-40']);
    expect(rig.write('Kp'.repeat(6)).all()).toEqual(['40-44', '44-48']);
  });
});

describe('a group without end', () => {
  it('is cut off before the ring overwrites its beginning, and its rest counts as lost', () => {
    const rig = new Rig().write(`K${'p'.repeat(30)}`);
    expect(rig.all()).toEqual([]);
    expect(rig.write('pp').all()).toEqual(['0-32', 'lost 1']);
    expect(rig.write('ppppKpK').all()).toEqual(['37-39']);
  });

  it('loses nothing when the next keyframe follows the cut', () => {
    const rig = new Rig().write(`K${'p'.repeat(31)}K`);
    expect(rig.all(true)).toEqual(['0-32', '32-33']);
  });

  it('is cut off when it has too many bytes', () => {
    const rig = new Rig().write('Kppppppp', 1, 2 ** 17);
    expect(rig.all()).toEqual(['0-4', 'lost 1']);
  });

  it('is not joined with the whole groups before it', () => {
    const rig = new Rig({ minUs: 1e9 }).write(`KpKp${'p'.repeat(40)}`);
    expect(rig.all()).toEqual(['0-2', '2-34', 'lost 1']);
  });
});

describe('a reader that is too slow', () => {
  it('counts the lost groups and goes on with the newest whole group', () => {
    const rig = new Rig({}, 16).write('KpppK');
    expect(rig.all()).toEqual(['0-4']);
    rig.write('pppKpppKpppKpppKpppKp');
    // Groups begin at 0, 4, 8, 12, 16, 20 and 24; the newest whole one begins at 20.
    expect(rig.all()).toEqual(['lost 4', '20-24']);
  });

  it('counts lost groups between two segments', () => {
    const rig = new Rig({}, 16).write('KpppK');
    expect(text(rig.finder.next(false)!)).toBe('0-4');
    rig.write('pppKpppKpppKpppKp');
    expect(rig.all()).toEqual(['lost 3', '16-20']);
  });

  it('counts lost groups of another connection', () => {
    const rig = new Rig({}, 16).write('Kp');
    expect(rig.all()).toEqual([]);
    rig.write('KpppKpppKpppKpppKpppK', 2);
    expect(rig.all()).toEqual(['lost 5', '18-22']);
  });

  it('does not go back when it skips', () => {
    const rig = new Rig().write('KpKpKp');
    expect(text(rig.finder.next(false)!)).toBe('0-2');
    expect(text(rig.finder.next(false)!)).toBe('2-4');
    expect(text(rig.finder.skip())).toBe('lost 0');
    expect(rig.all(true)).toEqual(['4-6']);
  });
});
