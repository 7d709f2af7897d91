import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CONTROL, PACKET_ENTRY, PACKET_RING } from '../../src/gen/ring-layout.js';
import { PacketReader } from '../../src/rings/packet-reader.js';
import { makeClip } from '../farm/clips.js';
import { addon, CaptureRig } from '../native/capture-rig.js';
import { clipFile } from '../support/ffmpeg.js';
import { waitFor } from '../support/wait.js';
import { expectPlays } from './recorded.js';
import { record } from './report.js';

const BOUND_MS = 30_000;
const PACKETS = 160;
/** AV_NOPTS_VALUE of libav. */
const NO_PTS = -(2n ** 63n);
/** Ticks between two frames: the ring is filled from a file with a time base of 1/12800 s and 25 frames per second. */
const STEP = 512;

const folder = mkdtempSync(join(tmpdir(), 'chrysproxy-times-'));
const rigs = new Map<string, CaptureRig>();

afterAll(async () => {
  for (const rig of rigs.values()) await rig.dispose();
  rmSync(folder, { recursive: true, force: true });
});

const CLIPS = ['h264-640x480-25-g50', 'h264-640x480-25-g50-b2'] as const;

beforeAll(async () => {
  for (const clip of CLIPS) {
    makeClip(clip);
    const rig = new CaptureRig({ minPackets: 2 * PACKETS });
    rigs.set(clip, rig);
    rig.start(clipFile(clip));
    await waitFor('packets', BOUND_MS, () => rig.control.getI64(CONTROL.packetsI64) >= PACKETS);
    await rig.stop();
  }
});

type Distort = (pts: bigint, index: number, random: () => number) => bigint;

/** Errors in the timestamps of cameras. `index` counts within the segment. */
const faults: Readonly<Record<string, Distort>> = {
  missing: () => NO_PTS,
  'missing in two of three packets': (pts, index) => (index % 3 === 0 ? pts : NO_PTS),
  'all the same': () => 1000n,
  'running backwards': (pts) => -pts,
  'jumping back in the middle': (pts, index) => (index < 25 ? pts : pts - 100_000n),
  'jumping far ahead in the middle': (pts, index) => (index < 25 ? pts : pts + 2n ** 40n),
  'wrapping at 32 bits': (pts, index) => (index < 25 ? 2n ** 32n - 25n * BigInt(STEP) + pts : pts - 25n * BigInt(STEP)),
  'near the maximum of 64 bits': (pts) => 2n ** 63n - 1n - 100_000n + pts,
  'near the minimum of 64 bits': (pts) => -(2n ** 63n) + 1n + pts,
  'at random': (_pts, _index, random) => BigInt(Math.floor((random() - 0.5) * 2 ** 52)) * 2000n,
  'a little early and late': (pts, _index, random) => pts + BigInt(Math.floor((random() - 0.5) * 3 * STEP)),
};

/** Returns pseudorandom numbers from 0 to 1, the same in every run. */
function randomNumbers(): () => number {
  let state = 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

let written = 0;

it.each(CLIPS.flatMap((clip) => Object.keys(faults).map((fault) => ({ clip, fault }))))(
  'B4: a segment of $clip with timestamps $fault plays, and the timestamps in its file only grow',
  async ({ clip, fault }) => {
    const rig = rigs.get(clip);
    const distort = faults[fault];
    if (rig === undefined || distort === undefined) throw new Error('unknown');
    const ring = new SharedArrayBuffer(rig.packetRing.byteLength);
    new Uint8Array(ring).set(new Uint8Array(rig.packetRing));
    const keyframes = [...new PacketReader(ring).decodable()].filter(({ keyframe }) => keyframe);
    const [first, second] = keyframes.slice(1).map(({ sequence }) => sequence);
    if (first === undefined || second === undefined) throw new Error('no whole group');
    const i64 = new BigInt64Array(ring, 0, (PACKET_RING.bytes + 1024 * PACKET_ENTRY.bytes) / 8);
    const random = randomNumbers();
    for (let sequence = first; sequence <= second; sequence += 1) {
      const at = (PACKET_RING.bytes + (sequence % 1024) * PACKET_ENTRY.bytes) / 8;
      for (const field of [PACKET_ENTRY.ptsI64, PACKET_ENTRY.dtsI64]) {
        i64[at + field] = distort(i64[at + field] ?? 0n, sequence - first, random);
      }
    }
    const path = join(folder, `${(written += 1)}.mp4`);
    const stream = rig.streams[0];
    if (stream === undefined) throw new Error('no stream');
    const facts = addon.writeSegment({
      packetRing: new Uint8Array(ring),
      firstSequence: first,
      endSequence: second,
      stream,
      path,
    });
    await expectPlays(path);
    expect(facts).toMatchObject({ frames: second - first });
    // Usually about 2 s. Without usable timestamps, the arrivals decide, and a file arrives at once.
    expect(facts?.durationUs).toBeGreaterThan(0);
    expect(facts?.durationUs).toBeLessThan(12e6);
    expect(addon.readSegment(path)).toEqual(facts);
    record({
      row: 'B4',
      fault: 'timestamps missing, backward, jumping, wrapping, random',
      figure: 'segments of such packets in which FFmpeg finds an error, or whose timestamps decrease',
      value: `0 of ${written}`,
      promise: '0',
    });
  },
);
