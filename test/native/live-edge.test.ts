/** The answers of queries while B-frames are still missing that are shown before the newest packets. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { VideoFrame } from '../../src/gen/chrys/cloud/videostreaming/v1beta1/video_streaming.js';
import { CONTROL, PACKET_RING } from '../../src/gen/ring-layout.js';
import type { HistoryHandle, HistorySegment } from '../../src/native/types.js';
import { PacketReader, type PacketFacts } from '../../src/rings/packet-reader.js';
import { makeClip } from '../farm/clips.js';
import { readBarcode } from '../support/barcode.js';
import { clipFile, decodeBgr } from '../support/ffmpeg.js';
import { waitFor } from '../support/wait.js';
import { addon, CaptureRig } from './capture-rig.js';

const CLIP = 'h264-640x480-25-g50-b2';
const PACKETS = 120;
const BOUND_MS = 30_000;
const OUTPUT_FORMAT = { format: 0, width: 0, height: 0, quality: 0, enlarge: false };
const cancel = new Uint8Array(new SharedArrayBuffer(4));
const room = new Uint8Array(new SharedArrayBuffer(2 * 1024 * 1024));

let rig: CaptureRig;
let packets: PacketFacts[];

beforeAll(async () => {
  makeClip(CLIP);
  rig = new CaptureRig({ minPackets: PACKETS + 100 });
  rig.start(clipFile(CLIP));
  await waitFor('packets', BOUND_MS, () => rig.control.getI64(CONTROL.packetsI64) >= PACKETS);
  await rig.stop();
  packets = [...new PacketReader(rig.packetRing).decodable()];
  // Far beyond any delay that could count as the end of a stream.
  await waitFor('silence', BOUND_MS, () => Date.now() * 1000 - packets.at(-1)!.arrivalUs > 2e6);
});

afterAll(() => rig.dispose());

/** The ring as it was when `end` was the next packet, of a connection that is still open unless `isClosed`. */
function ringUpTo(end: number, isClosed = false): SharedArrayBuffer {
  const ring = rig.packetRing.slice(0);
  new BigInt64Array(ring)[PACKET_RING.nextSequenceI64] = BigInt(end);
  new Int32Array(ring)[PACKET_RING.openConnectionI32] = isClosed ? 0 : packets[0]!.connection;
  return ring;
}

function pieces(handle: HistoryHandle): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let answer = addon.nextHistoryPiece(handle, room); answer !== undefined; answer = addon.nextHistoryPiece(handle, room)) {
    found.push(room.slice(answer.offset, answer.offset + answer.bytes));
  }
  return found;
}

function idsOf(ring: SharedArrayBuffer, segments: HistorySegment[] = [], nearestUs = -1): number[] {
  const handle = addon.openHistory({
    packetRing: new Uint8Array(ring),
    cancel,
    segments,
    moreSegments: false,
    streams: rig.streams.map((stream) => ({ ...stream, outputFormat: OUTPUT_FORMAT })),
    deviceId: 'rig',
    fromUs: 0,
    toUs: Number.MAX_SAFE_INTEGER,
    nearestUs,
    keyframesOnly: false,
    intervalMs: 0,
    withholdCorrupt: false,
    maxMessageBytes: 50 * 1024 * 1024,
    maxPixels: 8192 * 4320,
  });
  return pieces(handle).map((piece) => VideoFrame.decode(piece).frameId);
}

/** A packet that arrives before two B-frames which are shown before it: the one with the index `at` or a later one. */
function anchorFrom(at: number): PacketFacts {
  return packets.find(({ pts }, index) => index >= at && (packets[index + 2]?.pts ?? pts) < pts)!;
}

const runFrom = (first: number, count: number): number[] => Array.from({ length: count }, (_, index) => first + index);

describe('at the live end of a stream with B-frames, however long it is silent', () => {
  it.each([
    ['none', 1],
    ['one', 2],
  ])('a range ends before a frame of whose two B-frames %s has arrived', (_, arrived) => {
    const anchor = anchorFrom(60);
    const ids = idsOf(ringUpTo(anchor.sequence + arrived));
    // The B-frames take the anchor's sequence and the next one as their ids.
    expect(ids).toEqual(runFrom(packets[0]!.sequence, anchor.sequence - packets[0]!.sequence + arrived - 1));
  });

  it('a range has every frame once the connection is closed', () => {
    const anchor = anchorFrom(60);
    expect(idsOf(ringUpTo(anchor.sequence + 1, true))).toHaveLength(anchor.sequence + 1 - packets[0]!.sequence);
  });

  it('a range ends before such a frame also when it is the second of its connection', () => {
    const anchor = anchorFrom(1);
    const ids = idsOf(ringUpTo(anchor.sequence + 1));
    expect(ids).toEqual(runFrom(packets[0]!.sequence, ids.length));
    expect(ids.length).toBeLessThanOrEqual(anchor.sequence - packets[0]!.sequence);
  });

  it('a range that began before a segment was recorded ends before such a frame of the segment', () => {
    const folder = mkdtempSync(join(tmpdir(), 'chrysproxy-live-edge-'));
    try {
      const [first, second] = packets.filter(({ keyframe }) => keyframe);
      const path = join(folder, 'a.mp4');
      const written = { firstSequence: first!.sequence, endSequence: second!.sequence };
      addon.writeSegment({ packetRing: new Uint8Array(rig.packetRing), ...written, stream: rig.streams[0]!, path });
      for (const at of [1, 20]) {
        const anchor = anchorFrom(at);
        const ids = idsOf(ringUpTo(anchor.sequence + 1), [{ path, ...written, outputFormat: OUTPUT_FORMAT }]);
        expect(ids).toEqual(runFrom(first!.sequence, anchor.sequence - first!.sequence));
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('such a frame is not the nearest to now, and has no id yet', () => {
    const anchor = anchorFrom(60);
    const ring = ringUpTo(anchor.sequence + 1);
    const [before = 0, unsettled] = addon.frameIds(new Uint8Array(ring), anchor.sequence - 1, 2);
    expect(unsettled).toBe(0);
    expect(idsOf(ring, [], anchor.arrivalUs)).toEqual([before]);
  });

  it('a clip ends before such a frame', async () => {
    const anchor = anchorFrom(60);
    const shown = async (arrived: number): Promise<number[]> => {
      const handle = addon.openClip({
        packetRing: new Uint8Array(ringUpTo(anchor.sequence + arrived)),
        cancel,
        paths: [],
        streams: rig.streams,
        fromUs: 0,
        toUs: Number.MAX_SAFE_INTEGER,
      });
      const folder = mkdtempSync(join(tmpdir(), 'chrysproxy-live-edge-'));
      const path = join(folder, 'clip.mp4');
      writeFileSync(path, Buffer.concat(pieces(handle)));
      const pictures = await decodeBgr(path, 640, 480, 10_000);
      rmSync(folder, { recursive: true });
      return pictures.map((picture) => Number(readBarcode(picture, 640, 480)));
    };
    for (const arrived of [1, 2]) {
      const numbers = await shown(arrived);
      expect(numbers).toEqual(runFrom(numbers[0]!, anchor.sequence - packets[0]!.sequence));
    }
  });
});
