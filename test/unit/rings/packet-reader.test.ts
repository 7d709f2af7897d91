import { describe, expect, it } from 'vitest';

import { PacketReader, type PacketRange } from '../../../src/rings/packet-reader.js';
import { FIRST, FRAME_TICKS, ringOf, START_MS } from '../fixtures/packet-ring.js';

describe('PacketReader', () => {
  it('reads what was written', () => {
    const reader = new PacketReader(ringOf(6, 3).buffer);
    expect([reader.first(), reader.end()]).toEqual([FIRST, FIRST + 6]);
    expect(reader.read(FIRST + 4)).toEqual({
      sequence: FIRST + 4,
      keyframe: false,
      connection: 1,
      gop: 2,
      bytes: 104,
      pts: 4 * FRAME_TICKS - 5,
      secondsPerTick: 1 / 90_000,
      arrivalUs: (START_MS + 160) * 1000,
    });
    expect(reader.read(FIRST)?.pts).toBe(-5);
    expect(reader.newestKeyframe()).toBe(FIRST + 3);
  });

  it('does not read a packet that was removed, does not exist yet, or was overwritten', () => {
    const ring = ringOf(20, 4);
    const reader = new PacketReader(ring.buffer);
    expect(reader.read(FIRST + 3)).toBeUndefined();
    expect(reader.read(FIRST + 20)).toBeUndefined();
    expect(reader.read(FIRST + 4)).toBeDefined();
    // The state of the ring after the writer has written an entry and before it updates the header.
    ring.evictBefore(FIRST);
    expect(reader.read(FIRST + 3)).toBeUndefined();
  });

  it('begins with the oldest keyframe, and continues after packets that are overwritten meanwhile', () => {
    const ring = ringOf(14, 4);
    ring.evictBefore(FIRST + 1);
    const seen: number[] = [];
    for (const packet of new PacketReader(ring.buffer).decodable()) {
      seen.push(packet.sequence - FIRST);
      if (seen.length === 2) ring.evictBefore(FIRST + 8);
    }
    expect(seen).toEqual([4, 5, 8, 9, 10, 11, 12, 13]);
  });

  it('skips packets outside a range', () => {
    const ring = ringOf(14, 4);
    ring.evictBefore(FIRST + 1);
    const reader = new PacketReader(ring.buffer);
    const us = (index: number): number => (START_MS + index * 40) * 1000;
    const seen = (range: Partial<PacketRange>): number[] =>
      [...reader.decodable({ fromUs: 0, toUs: Infinity, after: 0, ...range })].map(({ sequence }) => sequence - FIRST);
    expect(seen({ after: FIRST + 11 })).toEqual([12, 13]);
    expect(seen({ after: FIRST + 2 }).at(0)).toBe(4);
    expect(seen({ fromUs: us(6), toUs: us(8) })).toEqual([6, 7, 8]);
    expect(seen({ fromUs: us(6) + 1, toUs: us(8) - 1, after: FIRST + 5 })).toEqual([7]);
    expect(seen({ fromUs: us(20) })).toEqual([]);
  });

  it('refuses memory that is not a packet ring', () => {
    expect(() => new PacketReader(new SharedArrayBuffer(4096))).toThrow();
  });
});
