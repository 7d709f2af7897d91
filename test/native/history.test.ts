/** History queries without the rest of the proxy. `npm run test:asan` also runs them under ASan and UBSan. */
import { afterEach, beforeAll, describe, expect, it } from 'vitest';

import { VideoFrame } from '../../src/gen/chrys/cloud/videostreaming/v1beta1/video_streaming.js';
import { CONTROL, PICTURE_FORMAT } from '../../src/gen/ring-layout.js';
import type { HistoryHandle, HistoryOptions } from '../../src/native/types.js';
import { PacketReader } from '../../src/rings/packet-reader.js';
import { makeClip } from '../farm/clips.js';
import { readBarcode } from '../support/barcode.js';
import { clipFile } from '../support/ffmpeg.js';
import { waitFor } from '../support/wait.js';
import { addon, CaptureRig } from './capture-rig.js';

const CLIP = 'h264-640x480-25-g25-1s';
const GOP = 25;
const REORDERED = 'h264-640x480-25-g50-b2';
const BOUND_MS = 20_000;
const PICTURE_BYTES = 640 * 480 * 3;
const OUTPUT_FORMAT = { format: PICTURE_FORMAT.bgr24, width: 0, height: 0, quality: 0, enlarge: false };

let rig: CaptureRig;

beforeAll(() => {
  for (const clip of [CLIP, REORDERED]) makeClip(clip);
});

afterEach(async () => {
  await rig.dispose();
});

async function filled(clip: string, packets: number, options: ConstructorParameters<typeof CaptureRig>[0] = {}) {
  rig = new CaptureRig(options);
  rig.start(clipFile(clip));
  await waitFor('packets', BOUND_MS, () => rig.control.getI64(CONTROL.packetsI64) >= packets);
}

const cancel = new Uint8Array(new SharedArrayBuffer(4));

function open(options: Partial<HistoryOptions> = {}): HistoryHandle {
  return addon.openHistory({
    packetRing: new Uint8Array(rig.packetRing),
    cancel,
    segments: [],
    moreSegments: false,
    streams: rig.streams.map((stream) => ({ ...stream, outputFormat: OUTPUT_FORMAT })),
    deviceId: 'rig',
    fromUs: 0,
    toUs: Number.MAX_SAFE_INTEGER,
    nearestUs: -1,
    keyframesOnly: false,
    intervalMs: 0,
    withholdCorrupt: false,
    maxMessageBytes: 50 * 1024 * 1024,
    maxPixels: 8192 * 4320,
    ...options,
  });
}

const room = new Uint8Array(new SharedArrayBuffer(PICTURE_BYTES + 4096));

function next(handle: HistoryHandle): VideoFrame | undefined {
  const answer = addon.nextHistoryPiece(handle, room);
  if (answer === undefined) return undefined;
  expect(answer.needed).toBe(0);
  return VideoFrame.decode(room.slice(answer.offset, answer.offset + answer.bytes));
}

function all(handle: HistoryHandle): VideoFrame[] {
  const frames: VideoFrame[] = [];
  for (let frame = next(handle); frame !== undefined; frame = next(handle)) frames.push(frame);
  return frames;
}

const numberOf = (frame: VideoFrame): number | 'torn' => readBarcode(frame.data, frame.width, frame.height);

describe('history', () => {
  it.each([CLIP, REORDERED])('gives every frame of %s in the order in which they are shown', async (clip) => {
    await filled(clip, 120, { minPackets: 200 });
    const frames = all(open());
    expect(frames.length).toBeGreaterThan(100);
    for (const [index, frame] of frames.entries()) {
      expect(frame.frameId).toBe(frames[0]!.frameId + index);
      if (index > 0) expect(frame.pts).toBeGreaterThan(frames[index - 1]!.pts);
    }
    expect(frames.map(numberOf)).not.toContain('torn');
  });

  it('leaves out frames whose place is not certain yet while a stream with reordering runs, and has them once it has stopped', async () => {
    await filled(REORDERED, 60, { minPackets: 200 });
    const live = all(open());
    await rig.stop();
    const reader = new PacketReader(rig.packetRing);
    const settled = [...reader.decodable()].sort((one, other) => one.pts - other.pts);
    // Frames that arrived between the two have a certain place as well.
    expect(live.map(({ pts }) => pts)).toEqual(settled.slice(0, live.length).map(({ pts }) => pts));
    expect(all(open()).map(({ pts }) => pts)).toEqual(settled.map(({ pts }) => pts));
  });

  it('continues with the next whole GOP after an overrun, and reports the length of the gap', async () => {
    await filled(CLIP, 2 * GOP + 5, { entries: 64 });
    const handle = open();
    const first = next(handle);
    expect(first).toMatchObject({ isKeyframe: true, gapMs: 0 });
    const newest = rig.control.getI64(CONTROL.packetSequenceI64);
    const reader = new PacketReader(rig.packetRing);
    const overtaken = (): boolean => reader.first() > newest - GOP;
    await waitFor('the first group to be overwritten', BOUND_MS, overtaken);
    const rest = all(handle);
    const after = rest.find(({ gapMs }) => gapMs > 0);
    const before = rest[rest.indexOf(after!) - 1] ?? first!;
    expect(after).toMatchObject({ isKeyframe: true, packet: 0 });
    expect(Math.abs(after!.gapMs - (after!.timestamp - before.timestamp))).toBeLessThanOrEqual(1);
    expect(after!.frameId).toBeGreaterThan(before.frameId + 1);
    expect(rest.filter(({ gapMs }) => gapMs > 0)).toHaveLength(1);
    expect(rest.map(numberOf)).not.toContain('torn');
    // The ring had two GOPs when the query was opened. At most the newer one is left.
    expect(rest.length).toBeLessThan(2 * GOP);
  });

  it('returns the one frame that is nearest to a moment', async () => {
    await filled(REORDERED, 90, { minPackets: 200 });
    const packets = [...new PacketReader(rig.packetRing).decodable()];
    for (const packet of [packets[0]!, packets[33]!, packets[64]!]) {
      const frames = all(open({ nearestUs: packet.arrivalUs, fromUs: 0, toUs: 0 }));
      expect(frames.map(({ pts }) => pts)).toEqual([packet.pts]);
      expect(numberOf(frames[0]!)).not.toBe('torn');
    }
    expect(all(open({ nearestUs: 0 }))[0]?.pts).toBe(packets[0]?.pts);
  });

  it('refuses pictures with more pixels than maxPixels', async () => {
    await filled(CLIP, 30, { minPackets: 200 });
    expect(() => all(open({ maxPixels: 640 }))).toThrow(/max_pixels/);
  });

  it('asks for a larger target, and then writes the frame that did not fit', async () => {
    await filled(CLIP, 30, { minPackets: 200 });
    const handle = open();
    const small = addon.nextHistoryPiece(handle, new Uint8Array(10));
    expect(small?.needed).toBeGreaterThan(PICTURE_BYTES);
    expect(small?.needed).toBeLessThanOrEqual(room.length);
    expect(next(handle)).toMatchObject({ isKeyframe: true, packet: 0 });
    expect(next(handle)).toMatchObject({ isKeyframe: false, packet: 1 });
  });

  it('stops when the stop flag is set, and when it is closed', async () => {
    await filled(CLIP, 30, { minPackets: 200 });
    const flag = new Uint8Array(new SharedArrayBuffer(4));
    const handle = open({ cancel: flag });
    expect(next(handle)).toBeDefined();
    flag[0] = 1;
    expect(next(handle)).toBeUndefined();
    const other = open();
    addon.closeHistory(other);
    expect(next(other)).toBeUndefined();
  });

  it('refuses a message that is too large for a client', async () => {
    await filled(CLIP, 30, { minPackets: 200 });
    expect(() => all(open({ maxMessageBytes: 1000 }))).toThrow(RangeError);
  });

  it('skips packets whose codec is not known any more', async () => {
    await filled(CLIP, 30, { minPackets: 200 });
    expect(all(open({ streams: [] }))).toEqual([]);
  });

  it('says what is wrong with its options', async () => {
    await filled(CLIP, 1);
    expect(() => open({ packetRing: new Uint8Array(100) })).toThrow('packetRing is not a packet ring of this layout');
    expect(() => open({ cancel: new Uint8Array(2) })).toThrow('cancel must be four bytes');
    expect(() => addon.nextHistoryPiece({} as HistoryHandle, room)).toThrow('openHistory');
  });
});
