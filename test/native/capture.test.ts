/** The capture loop without the rest of the proxy. `npm run test:asan` also runs it under ASan and UBSan. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';

import { CONTROL, FRAME_FILTER, LAYOUT_VERSION, OUTPUT, PACKET_ENTRY, PACKET_RING, PICTURE_FORMAT } from '../../src/gen/ring-layout.js';
import { makeClip } from '../farm/clips.js';
import { readBarcode } from '../support/barcode.js';
import { clipFile } from '../support/ffmpeg.js';
import { waitFor } from '../support/wait.js';
import { addon, CaptureRig } from './capture-rig.js';

const CLIP = 'h264-640x480-25-g25-1s';
const GOP = 25;
const HEVC = 'hevc-640x360-25-g50';
const REORDERED = 'h264-640x480-25-g50-b2';
const BOUND_MS = 20_000;

let rig: CaptureRig;

beforeAll(() => {
  for (const clip of [CLIP, HEVC, REORDERED]) makeClip(clip);
});

afterEach(async () => {
  await rig.dispose();
});

describe('a capture', () => {
  it.each([CLIP, HEVC, REORDERED])('publishes the frames of %s in order, as finished VideoFrames', async (clip) => {
    rig = new CaptureRig();
    rig.demand(FRAME_FILTER.all);
    rig.start(clipFile(clip));
    const frames = await rig.take(40);
    const numbers = frames.map((frame) => readBarcode(frame.data, frame.width, frame.height));
    expect(numbers).not.toContain('torn');
    for (let i = 1; i < frames.length; i++) {
      expect(frames[i]?.pts).toBeGreaterThan(frames[i - 1]?.pts ?? Infinity);
    }
    const [first] = frames;
    expect(first?.shape?.dim.map(({ size, name }) => [size, name])).toEqual([
      [first?.height, '0'],
      [first?.width, '1'],
      [3, '2'],
    ]);
    expect(first).toMatchObject({ deviceId: 'rig', frameType: 'I', packet: 0, keyframe: 1, pixFmt: 'yuv420p' });
    expect(first).toMatchObject({ isKeyframe: true, isCorrupt: false });
    expect(first?.timeBase).toBeGreaterThan(0);
  });

  it('decodes nothing without demand, and the GOP in progress at once when demand begins', async () => {
    rig = new CaptureRig();
    rig.start(clipFile(CLIP));
    await waitFor('packets beyond a keyframe', BOUND_MS, () => rig.control.getI64(CONTROL.packetsI64) > GOP + 10);
    expect(rig.control.getI64(CONTROL.framesDecodedI64)).toBe(0);
    rig.demand(FRAME_FILTER.all);
    const frames = await rig.take(3);
    expect(frames.some((frame) => frame.packet > 0)).toBe(true);
    expect(frames.map((frame) => readBarcode(frame.data, frame.width, frame.height))).not.toContain('torn');
  });

  it('decodes only keyframes when only keyframes are demanded', async () => {
    rig = new CaptureRig();
    rig.demand(FRAME_FILTER.keyframes);
    rig.start(clipFile(CLIP));
    const frames = await rig.take(3, FRAME_FILTER.keyframes);
    expect(frames.map((frame) => frame.isKeyframe)).toEqual([true, true, true]);
    const decoded = rig.control.getI64(CONTROL.framesDecodedI64);
    expect(decoded).toBeLessThanOrEqual(rig.control.getI64(CONTROL.keyframeCountI64));
  });

  it('publishes the newest frame for a snapshot, and decodes nothing after it', async () => {
    rig = new CaptureRig();
    rig.start(clipFile(CLIP));
    await waitFor('packets', BOUND_MS, () => rig.control.getI64(CONTROL.packetsI64) > 10);
    const wanted = rig.control.addI32(CONTROL.snapshotWantedI32, 1);
    await waitFor('the snapshot', BOUND_MS, () => rig.control.getI32(CONTROL.snapshotDoneI32) === wanted);
    expect(await waitFor('its frame', BOUND_MS, () => rig.reader.latest())).toBeDefined();
    const decoded = rig.control.getI64(CONTROL.framesDecodedI64);
    const packets = rig.control.getI64(CONTROL.packetsI64);
    await waitFor('more packets', BOUND_MS, () => rig.control.getI64(CONTROL.packetsI64) > packets + 10);
    expect(rig.control.getI64(CONTROL.framesDecodedI64)).toBe(decoded);
  });

  it('reports the stream, and measures its rate and the length of its GOPs', async () => {
    rig = new CaptureRig();
    rig.start(clipFile(CLIP));
    await waitFor('a whole group', BOUND_MS, () => rig.control.getI32(CONTROL.gopPacketsI32) > 0);
    expect(rig.control.getI32(CONTROL.gopPacketsI32)).toBe(GOP);
    expect(rig.control.getI32(CONTROL.fpsMilliI32)).toBe(25_000);
    expect(rig.streams.at(-1)).toMatchObject({ codecName: 'h264', width: 640, height: 480, pixelFormat: 'yuv420p' });
  });

  it('ends with a typed reason when there is no such file', async () => {
    rig = new CaptureRig();
    rig.start('/nowhere/at-all.mp4');
    expect(await rig.ended()).toMatchObject({ end: 'file_not_found', message: expect.stringContaining('/nowhere/at-all.mp4') });
  });

  it('ends with a typed reason when the file is not a video', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'chrys-native-'));
    writeFileSync(join(folder, 'noise.mp4'), Buffer.alloc(4096, 0x5a));
    rig = new CaptureRig();
    rig.start(join(folder, 'noise.mp4'));
    expect((await rig.ended()).end).toBe('file_unreadable');
    rmSync(folder, { recursive: true });
  });

  it('refuses only the pictures that are too large for a client', async () => {
    rig = new CaptureRig();
    const tooLarge = (output: number): number =>
      rig.control.getI32(CONTROL.outputsI32 + (output * OUTPUT.bytes) / 4 + OUTPUT.tooLargeI32);
    rig.setFormat(1, { format: PICTURE_FORMAT.bgr24, width: 320, height: 240 });
    rig.setFormat(2, { format: PICTURE_FORMAT.jpeg });
    for (const output of [0, 1, 2]) rig.demandOf(output, FRAME_FILTER.all);
    // Large enough for 320x240 as BGR24, and smaller than the maximum size of a JPEG of 640x480.
    rig.start(clipFile(CLIP), { maxMessageBytes: 320 * 240 * 3 + 10_000 });
    const small = await waitFor('a small picture', BOUND_MS, () => rig.readers[1]?.latest());
    const jpeg = await waitFor('a JPEG', BOUND_MS, () => rig.readers[2]?.latest());
    expect([small.width, jpeg.width]).toEqual([320, 640]);
    expect([0, 1, 2].map(tooLarge)).toEqual([(640 << 16) | 480, 0, 0]);
    expect(rig.reader.latest()).toBeUndefined();
    expect(rig.result).toBeUndefined();
  });

  it('ends before it decodes a picture that declares too many pixels', async () => {
    rig = new CaptureRig();
    rig.demand(FRAME_FILTER.all);
    rig.start(clipFile(CLIP), { maxPixels: 640 * 480 - 1 });
    const { end, message } = await rig.ended();
    expect(end).toBe('too_many_pixels');
    expect(message).toContain('640x480');
    expect(message).toContain('307199');
    expect(rig.control.getI64(CONTROL.framesDecodedI64)).toBe(0);
    expect(rig.control.getI64(CONTROL.packetsI64)).toBe(0);
  });

  it('accepts a picture that has exactly maxPixels pixels', async () => {
    rig = new CaptureRig();
    rig.demand(FRAME_FILTER.all);
    rig.start(clipFile(HEVC), { maxPixels: 640 * 360 });
    expect(await rig.take(2)).toHaveLength(2);
  });

  it('says which option is wrong', async () => {
    rig = new CaptureRig();
    rig.start(clipFile(CLIP), { frameSlots: 1 });
    await expect(rig.ended()).rejects.toThrow('frameSlots must be 2 to 64');
  });

  it('refuses a control block of another layout', async () => {
    rig = new CaptureRig();
    rig.control.setI32(CONTROL.layoutVersionI32, LAYOUT_VERSION + 1);
    rig.start(clipFile(CLIP));
    await expect(rig.ended()).rejects.toThrow('control is not a control block of this layout');
  });

  it('survives the termination of its thread during a capture', async () => {
    rig = new CaptureRig();
    rig.demand(FRAME_FILTER.all);
    rig.start(clipFile(CLIP));
    await rig.take(3);
    const gone = rig.terminate();
    // The thread ends only when the native code sees the stop flag; the hooks that it calls until then throw.
    rig.control.setI32(CONTROL.stopI32, 1);
    expect(await gone).toBe(1);
  });
});

describe('the shared layout', () => {
  it('shows TypeScript the packets that C++ wrote', async () => {
    rig = new CaptureRig();
    expect(addon.layoutVersion).toBe(LAYOUT_VERSION);
    rig.start(clipFile(CLIP));
    await waitFor('packets', BOUND_MS, () => rig.control.getI64(CONTROL.packetsI64) >= 30);
    await rig.stop();
    const i32 = new Int32Array(rig.packetRing);
    const i64 = new BigInt64Array(rig.packetRing);
    const entries = i32[PACKET_RING.entryCountI32] ?? NaN;
    const next = Number(i64[PACKET_RING.nextSequenceI64]);
    expect(next - 1).toBe(rig.control.getI64(CONTROL.packetsI64));
    let bytes = 0;
    for (let sequence = 1; sequence < next; sequence++) {
      const entry = PACKET_RING.bytes + (sequence % entries) * PACKET_ENTRY.bytes;
      expect(Number(i64[entry / 8 + PACKET_ENTRY.sequenceI64])).toBe(sequence);
      expect(i32[entry / 4 + PACKET_ENTRY.gopIndexI32]).toBe((sequence - 1) % GOP);
      bytes += i32[entry / 4 + PACKET_ENTRY.sizeI32] ?? NaN;
    }
    expect(bytes).toBe(rig.control.getI64(CONTROL.bytesI64));
  });
});

describe('copying out of a slot', () => {
  it('refuses to leave the ring or the target, and a slot that has moved on', async () => {
    rig = new CaptureRig();
    rig.demand(FRAME_FILTER.all);
    rig.start(clipFile(CLIP));
    await rig.take(1);
    await rig.stop();
    const ring = new Uint8Array(rig.rings[0] ?? new SharedArrayBuffer(0));
    const target = new Uint8Array(100);
    expect(() => addon.copyFromSlot(ring, ring.length, 2, 0, 10, target, 0)).toThrow(RangeError);
    expect(() => addon.copyFromSlot(ring, 64, 2, ring.length - 5, 10, target, 0)).toThrow(RangeError);
    expect(() => addon.copyFromSlot(ring, 64, 2, 64, 10, target, 95)).toThrow(RangeError);
    expect(() => addon.copyFromSlot(ring, 64, 2, 64, -1, target, 0)).toThrow(RangeError);
    expect(addon.copyFromSlot(ring, 64, 1_000_001, 64, 10, target, 0)).toBe(false);
  });
});
