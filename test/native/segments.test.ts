import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { VideoFrame } from '../../src/gen/chrys/cloud/videostreaming/v1beta1/video_streaming.js';
import { CONTROL } from '../../src/gen/ring-layout.js';
import type { HistoryHandle, SegmentFacts } from '../../src/native/types.js';
import { PacketReader } from '../../src/rings/packet-reader.js';
import { makeClip } from '../farm/clips.js';
import { readBarcode } from '../support/barcode.js';
import { clipFile, decodeBgr } from '../support/ffmpeg.js';
import { waitFor } from '../support/wait.js';
import { addon, CaptureRig } from './capture-rig.js';

const run = promisify(execFile);
const BOUND_MS = 30_000;
const WIDTH = 640;
const heightOf = (name: string): number => (name === HEVC ? 360 : 480);
const OUTPUT_FORMAT = { format: 0, width: 0, height: 0, quality: 0, enlarge: false };
const PLAIN = 'h264-640x480-25-g50';
const REORDERED = 'h264-640x480-25-g50-b2';
const HEVC = 'hevc-640x360-25-g50';

const PACKETS = 230;

/** The capture of each clip, played until its ring had PACKETS packets. Only read. */
const filled = new Map<string, CaptureRig>();
let rig: CaptureRig;
let own: CaptureRig[] = [];
let folder: string;

beforeAll(async () => {
  for (const clip of [PLAIN, REORDERED, HEVC]) {
    makeClip(clip);
    const made = new CaptureRig({ minPackets: PACKETS + 100 });
    made.start(clipFile(clip));
    filled.set(clip, made);
  }
  for (const made of filled.values()) {
    await waitFor('packets', BOUND_MS, () => made.control.getI64(CONTROL.packetsI64) >= PACKETS);
    await made.stop();
  }
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'chrysproxy-segments-'));
});

afterEach(async () => {
  for (const made of own) await made.dispose();
  own = [];
  rmSync(folder, { recursive: true, force: true });
});

afterAll(async () => {
  for (const made of filled.values()) await made.dispose();
});

/** Lets the test use the packets of this clip. */
function useClip(clip: string): void {
  rig = filled.get(clip)!;
}

/** Lets the test use the packets of a new capture. */
function newRig(...options: ConstructorParameters<typeof CaptureRig>): void {
  rig = new CaptureRig(...options);
  own.push(rig);
}

/** Whole GOPs in the ring: first sequence, and one past the last. */
function groups(): { first: number; end: number }[] {
  const keyframes = [...new PacketReader(rig.packetRing).decodable()].filter(({ keyframe }) => keyframe);
  return keyframes.slice(0, -1).map(({ sequence }, index) => ({ first: sequence, end: keyframes[index + 1]!.sequence }));
}

function write(name: string, first: number, end: number): { path: string; facts: SegmentFacts } {
  const path = join(folder, name);
  const facts = addon.writeSegment({
    packetRing: new Uint8Array(rig.packetRing),
    firstSequence: first,
    endSequence: end,
    stream: rig.streams[0]!,
    path,
  });
  if (facts === undefined) throw new Error('overrun');
  return { path, facts };
}

async function probed(path: string) {
  const { stdout, stderr } = await run('ffprobe', [
    ...['-v', 'warning', '-show_streams', '-show_format', '-show_packets', '-of', 'json', path],
  ]);
  expect(stderr).toBe('');
  return JSON.parse(stdout) as {
    packets: { pts: number; dts: number; flags: string }[];
    streams: { codec_name: string; width: number; nb_frames: string }[];
    format: { start_time: string; duration: string };
  };
}

async function barcodes(path: string, height: number): Promise<(number | 'torn')[]> {
  return (await decodeBgr(path, WIDTH, height, 10_000)).map((picture) => readBarcode(picture, WIDTH, height));
}

const room = new Uint8Array(new SharedArrayBuffer(2 * 1024 * 1024));

/** All parts of a job's result. */
function pieces(handle: HistoryHandle): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (;;) {
    const answer = addon.nextHistoryPiece(handle, room);
    if (answer === undefined) return found;
    expect(answer.needed).toBe(0);
    expect(answer.nextSequence).toBe(undefined);
    found.push(room.slice(answer.offset, answer.offset + answer.bytes));
  }
}

const cancel = new Uint8Array(new SharedArrayBuffer(4));

function frames(paths: { path: string; facts: SegmentFacts }[], options: object = {}, memory = false): VideoFrame[] {
  const handle = addon.openHistory({
    packetRing: memory ? new Uint8Array(rig.packetRing) : undefined,
    cancel,
    segments: paths.map(({ path, facts }) => ({ ...facts, path, outputFormat: OUTPUT_FORMAT })),
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
  return pieces(handle).map((piece) => VideoFrame.decode(piece));
}

function clip(paths: string[], fromUs: number, toUs: number, memory = false): string {
  const handle = addon.openClip({
    packetRing: memory ? new Uint8Array(rig.packetRing) : undefined,
    cancel,
    paths,
    streams: rig.streams,
    fromUs,
    toUs,
  });
  const path = join(folder, 'clip.mp4');
  writeFileSync(path, Buffer.concat(pieces(handle)));
  return path;
}

/** A number in the form of our box: the sign in the lowest bit, seven bits in each byte. */
function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value < 0 ? -2 * value - 1 : 2 * value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return [...bytes, rest];
}

/** A file with our box: frames of 100 bytes, each of which begins `overlap` bytes before the end of the previous one. */
function handMade(samples: number, overlap: number): Buffer {
  const uuid = Buffer.from('6c1d8e520b934f7aa4603ed715c298bf', 'hex');
  const name = Buffer.from('mjpeg');
  const head = [1, name.length].flatMap(varint);
  const about = [0, 0, 640, 480, samples, samples, 1, 1, 1, 25].flatMap(varint);
  const rows = Array.from({ length: samples }, (_, at) =>
    [1, 100, at === 0 ? 0 : -overlap, 1, 1, at === 0 ? 1e15 : 40_000, 0, 1, 0].flatMap(varint),
  );
  const content = Buffer.concat([uuid, Buffer.from(head), name, Buffer.from([about, ...rows, varint(0)].flat())]);
  const box = (type: string, body: Buffer): Buffer => {
    const header = Buffer.alloc(8);
    header.writeUInt32BE(8 + body.length);
    header.write(type, 4);
    return Buffer.concat([header, body]);
  };
  return Buffer.concat([box('mdat', Buffer.alloc(250)), box('uuid', content)]);
}

describe('a segment', () => {
  it.each([PLAIN, REORDERED, HEVC])('of %s is an mp4 file that begins at 0 and has every frame', async (name) => {
    useClip(name);
    const [group] = groups();
    const { path, facts } = write('a.mp4', group!.first, group!.end);
    const { packets, streams, format } = await probed(path);
    expect(packets).toHaveLength(50);
    expect(streams[0]).toMatchObject({ width: WIDTH, nb_frames: '50' });
    expect(Number(format.start_time)).toBe(0);
    expect(Number(format.duration)).toBeCloseTo(2, 2);
    expect(facts.durationUs).toBeCloseTo(2e6, -4);
    expect(packets[0]!.flags).toContain('K');
    for (const [index, { dts }] of packets.entries()) if (index > 0) expect(dts).toBeGreaterThan(packets[index - 1]!.dts);
    const shown = await barcodes(path, heightOf(name));
    expect(shown).toHaveLength(50);
    expect(shown).toEqual(shown.map((_, index) => Number(shown[0]) + index));
    expect(facts).toMatchObject({ frames: 50, firstSequence: group!.first, endSequence: group!.end, width: WIDTH });
    expect(addon.readSegment(path)).toEqual(facts);
  });

  it('gives the same frames as memory, and is continued from memory without a repeated frame', async () => {
    for (const name of [PLAIN, REORDERED]) {
      useClip(name);
      const all = groups();
      const written = all.slice(0, 2).map(({ first, end }, index) => write(`${name}-${index}.mp4`, first, end));
      const ofMemory = frames([], {}, true);
      const ofBoth = frames(written, {}, true);
      expect(ofBoth.map((frame) => ({ ...frame, data: undefined }))).toEqual(
        ofMemory.map((frame) => ({ ...frame, data: undefined })),
      );
      expect(ofBoth.map((frame) => Buffer.compare(frame.data, ofMemory.find(({ frameId }) => frameId === frame.frameId)!.data))).toEqual(
        ofBoth.map(() => 0),
      );
    }
  });

  it('that is missing between two others is reported as a gap', async () => {
    useClip(PLAIN);
    const [one, , three] = groups();
    const found = frames([write('1.mp4', one!.first, one!.end), write('3.mp4', three!.first, three!.end)]);
    expect(found).toHaveLength(100);
    expect(found.map(({ gapMs }) => gapMs > 0)).toEqual(found.map((_, index) => index === 50));
    expect(found[50]!.gapMs).toBeGreaterThan(1900);
  });

  it('gives the frame nearest to a moment', async () => {
    useClip(PLAIN);
    const [group] = groups();
    const segment = write('a.mp4', group!.first, group!.end);
    const sent = [...new PacketReader(rig.packetRing).decodable()][20]!;
    const [frame, ...more] = frames([segment], { nearestUs: sent.arrivalUs + 1000 });
    expect(more).toEqual([]);
    expect(frame!.frameId).toBe(sent.sequence);
  });

  it('has the same facts about each packet as memory', async () => {
    for (const name of [PLAIN, REORDERED]) {
      useClip(name);
      const [group] = groups();
      const { path } = write(`${name}.mp4`, group!.first, group!.end);
      const count = group!.end - group!.first;
      const inMemory = [...new PacketReader(rig.packetRing).decodable()].slice(0, count);
      const found = await addon.segmentFrames(path);
      expect(found?.firstSequence).toBe(group!.first);
      expect(found?.frameIds).toEqual(addon.frameIds(new Uint8Array(rig.packetRing), group!.first, count));
      expect([...found!.arrivalsUs]).toEqual(inMemory.map(({ arrivalUs }) => arrivalUs));
      expect([...found!.pts]).toEqual(inMemory.map(({ pts }) => pts));
      expect([...found!.keyframes]).toEqual(inMemory.map(({ keyframe }) => Number(keyframe)));
      expect(Math.min(...found!.bytes)).toBeGreaterThan(0);
    }
    await expect(addon.segmentFrames(join(folder, 'none.mp4'))).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await addon.segmentFrames(clipFile(PLAIN))).toBe(undefined);
    expect(() => (addon.segmentFrames as (path: unknown) => unknown)(1)).toThrow(TypeError);
  });

  it('of a camera that was restarted belongs to another connection', async () => {
    const connections: number[] = [];
    for (const firstSequence of [1, 2 ** 33 + 1, 2 ** 34 + 1]) {
      newRig({ firstSequence });
      rig.start(clipFile(PLAIN));
      await waitFor('the stream', BOUND_MS, () => rig.streams.length > 0);
      connections.push(rig.streams[0]!.connection);
    }
    expect(new Set(connections).size).toBe(3);
  });

  it('whose samples would be larger than the file is refused', async () => {
    useClip(PLAIN);
    const path = join(folder, 'lies.mp4');
    for (const [samples, overlap, good] of [
      [2, 0, true],
      [20, 100, false],
    ] as const) {
      writeFileSync(path, handMade(samples, overlap));
      expect(addon.readSegment(path) !== undefined).toBe(good);
    }
  });

  it('is distinguished from a damaged or truncated segment and from another file', async () => {
    useClip(PLAIN);
    const [group] = groups();
    const { path, facts } = write('a.mp4', group!.first, group!.end);
    const bytes = readFileSync(path);
    expect(() => write('a.mp4', group!.first, group!.end)).toThrow(expect.objectContaining({ code: 'EEXIST' }) as Error);
    expect(() => write('no/a.mp4', group!.first, group!.end)).toThrow(expect.objectContaining({ code: 'ENOENT' }) as Error);
    expect(() => addon.readSegment(join(folder, 'none.mp4'))).toThrow(expect.objectContaining({ code: 'ENOENT' }) as Error);
    truncateSync(path, bytes.length - 10);
    expect(addon.readSegment(path)).toBe(undefined);
    expect(addon.readSegment(clipFile(PLAIN))).toBe(undefined);
    // Every byte of our box may be wrong.
    for (let at = bytes.length - 600; at < bytes.length; at += 7) {
      const wrong = Buffer.from(bytes);
      wrong[at] = (wrong[at] ?? 0) ^ 0xff;
      writeFileSync(path, wrong);
      addon.readSegment(path);
      frames([{ path, facts }]);
      pieces(addon.openClip({ packetRing: undefined, cancel, paths: [path], streams: [], fromUs: 0, toUs: 1e18 }));
    }
  });
});

describe('a clip', () => {
  it.each([PLAIN, REORDERED, HEVC])('of %s begins and ends exactly at its frames, over segments and memory', async (name) => {
    useClip(name);
    const all = groups();
    const written = all.slice(0, 2).map(({ first, end }, index) => write(`${index}.mp4`, first, end));
    const shown = frames([], {}, true).sort((one, other) => one.frameId - other.frameId);
    const [from, to] = [shown[20]!, shown[170]!];
    const path = clip(written.map((segment) => segment.path), from.arrivalUs, to.arrivalUs, true);
    const { format } = await probed(path);
    expect(Number(format.start_time)).toBeCloseTo(0, 3);
    const numbers = await barcodes(path, heightOf(name));
    const wanted = shown
      .filter(({ arrivalUs }) => arrivalUs >= from.arrivalUs && arrivalUs <= to.arrivalUs)
      .map((frame) => readBarcode(frame.data, frame.width, frame.height));
    // With reordering, a frame arrives before others that are shown before it. The clip has all of them.
    const last = Number(wanted.at(-1));
    expect(numbers).toEqual(numbers.map((_, index) => Number(wanted[0]) + index));
    expect(numbers.at(-1)).toBeGreaterThanOrEqual(name === PLAIN ? last : last - 2);
    expect(numbers.at(-1)).toBeLessThanOrEqual(last);
  });

  it('has each frame once, even if a file is listed twice', async () => {
    useClip(PLAIN);
    const [group] = groups();
    const { path } = write('a.mp4', group!.first, group!.end);
    const once = readFileSync(clip([path], 0, 1e18));
    expect(readFileSync(clip([path, path], 0, 1e18)).equals(once)).toBe(true);
  });

  it('of a time without pictures is empty', async () => {
    useClip(PLAIN);
    const handle = addon.openClip({ packetRing: undefined, cancel, paths: [], streams: [], fromUs: 0, toUs: 1 });
    expect(pieces(handle)).toEqual([]);
  });
});

describe('a replay', () => {
  it('plays a recorded range faster and in a loop, and keeps the original time of each frame', async () => {
    useClip(PLAIN);
    const all = groups();
    const written = all.slice(0, 3).map(({ first, end }, index) => write(`${index}.mp4`, first, end));
    const recorded = frames(written);

    newRig({ minPackets: 400 });
    const [from, to] = [recorded[60]!, recorded[139]!];
    const startMs = performance.now();
    rig.start('', {
      kind: 'replay',
      replay: {
        segments: written.map(({ path, facts }) => ({ ...facts, path, outputFormat: OUTPUT_FORMAT })),
        fromUs: from.arrivalUs,
        toUs: to.arrivalUs,
        speed: 4,
        loop: true,
      },
    });
    await waitFor('two rounds', BOUND_MS, () => rig.control.getI64(CONTROL.packetsI64) >= 200);
    const seconds = (performance.now() - startMs) / 1000;
    await rig.stop();
    // 200 frames at 25 fps, four times as fast.
    expect(seconds).toBeGreaterThan(1.7);
    const played = frames([], {}, true).slice(0, 200);
    // From the keyframe before the range to the end of the range, and again.
    const round = recorded.slice(50, 140);
    for (const [index, frame] of played.entries()) {
      const original = round[index % round.length]!;
      expect(frame.originalFrameId).toBe(original.frameId);
      expect(frame.originalArrivalUs).toBe(original.arrivalUs);
      expect(readBarcode(frame.data, frame.width, frame.height)).toBe(
        readBarcode(original.data, original.width, original.height),
      );
      if (index > 0) expect(frame.pts).toBeGreaterThan(played[index - 1]!.pts);
    }
  });

  it('without a loop ends, and without a recording does not begin', async () => {
    useClip(PLAIN);
    const [group] = groups();
    const { path, facts } = write('a.mp4', group!.first, group!.end);
    for (const [segments, end] of [[[{ ...facts, path, outputFormat: OUTPUT_FORMAT }], 'replay_ended'], [[], 'not_found']] as const) {
      newRig();
      rig.start('', { kind: 'replay', replay: { segments, fromUs: 0, toUs: 1e18, speed: 16, loop: false } });
      expect((await rig.ended()).end).toBe(end);
    }
  });
});
