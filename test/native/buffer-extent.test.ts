/** The extent of a camera's packet ring in VideoProbe, which the addon computes. */
import { describe, expect, it } from 'vitest';

import { bufferExtentOf } from '../../src/cameras/status/buffer-extent.js';
import { CONTROL } from '../../src/gen/ring-layout.js';
import { Control } from '../../src/rings/control.js';
import { FakePacketRing, FIRST, ringOf, START_MS } from '../unit/fixtures/packet-ring.js';
import { addon } from './capture-rig.js';

describe('the extent of a buffer', () => {
  const control = Control.create();
  const extentOf = (ring: SharedArrayBuffer | undefined) =>
    bufferExtentOf({ ring, control: control.buffer, streams: new Map(), audioRing: undefined, periods: [] }, (bytes) => addon.packetSums(bytes));

  it('counts from the oldest keyframe on', () => {
    const ring = ringOf(14, 4);
    ring.evictBefore(FIRST + 1);
    expect(extentOf(ring.buffer)).toEqual({
      startMs: START_MS + 4 * 40,
      endMs: START_MS + 13 * 40,
      fps: expect.closeTo(25, 3),
      frames: 10,
      keyframes: 3,
      bytes: 10 * 100 + 4 + 5 + 6 + 7 + 8 + 9 + 10 + 11 + 12 + 13,
      limited: false,
    });
  });

  it('takes the rate of the newest connection, which has a different clock', () => {
    const ring = ringOf(4, 4);
    for (let i = 0; i < 6; i += 1) {
      ring.write({
        keyframe: i === 0,
        arrivalMs: START_MS + 5000 + i * 100,
        pts: 90_000 * 3600 + i * 9000,
        connection: 2,
      });
    }
    expect(extentOf(ring.buffer)).toMatchObject({ frames: 10, fps: expect.closeTo(10, 3), endMs: START_MS + 5500 });
  });

  it('is empty for a camera that never sent a packet', () => {
    const empty = { startMs: 0, endMs: 0, fps: 0, frames: 0, keyframes: 0, bytes: 0, limited: false };
    expect(extentOf(undefined)).toEqual(empty);
    expect(extentOf(new FakePacketRing().buffer)).toEqual(empty);
  });

  it('says when the byte limit keeps fewer packets than configured', () => {
    control.setI32(CONTROL.bufferLimitedI32, 1);
    expect(extentOf(undefined).limited).toBe(true);
  });
});
