/** Makes many segments quickly, without waiting for a camera. */
import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';

import { CONTROL, PACKET_ENTRY, PACKET_RING } from '../../src/gen/ring-layout.js';
import { PacketReader } from '../../src/rings/packet-reader.js';
import { addon, CaptureRig } from '../native/capture-rig.js';
import { clipFile } from '../support/ffmpeg.js';
import { waitFor } from '../support/wait.js';

const BOUND_MS = 60_000;
const GROUP = 50;
const FPS = 25;
/** Writes the contents of a ring repeatedly, with later times. */
const GROUPS = 5;
const BLOCK = 2 ** 32;

/** Writes consecutive files of one group of 2 s each, from `fromUs`. Returns their paths, oldest first. */
export async function makeSegments(clip: string, folder: string, count: number, fromUs: number): Promise<string[]> {
  mkdirSync(folder, { recursive: true });
  const rig = new CaptureRig({ minPackets: (GROUPS + 1) * GROUP });
  try {
    rig.start(clipFile(clip));
    await waitFor('packets', BOUND_MS, () => rig.control.getI64(CONTROL.packetsI64) > GROUPS * GROUP);
    await rig.stop();
    const [stream] = rig.streams;
    const first = [...new PacketReader(rig.packetRing).decodable()][0]?.sequence;
    if (stream === undefined || first === undefined) throw new Error(`${clip} gave nothing`);
    const ring = new LaterRing(rig.packetRing, first);
    return Array.from({ length: count }, (_, at) => {
      const firstSequence = BLOCK + at * GROUP;
      if (at % GROUPS === 0) ring.moveTo(firstSequence, fromUs + ((at * GROUP) / FPS) * 1e6);
      const path = join(folder, '.new');
      const packets = { packetRing: ring.bytes, firstSequence, endSequence: firstSequence + GROUP };
      const facts = addon.writeSegment({ ...packets, stream, path });
      if (facts === undefined) throw new Error('the ring is not what it should be');
      const file = join(folder, `${Math.floor(facts.startUs / 1000)}_${Math.round(facts.durationUs / 1000)}.mp4`);
      renameSync(path, file);
      return file;
    });
  } finally {
    await rig.dispose();
  }
}

/** A copy of a ring with other packet numbers and times. */
class LaterRing {
  readonly bytes: Uint8Array;
  private readonly i64: BigInt64Array;
  private readonly entries: Uint8Array;
  private readonly count: number;

  constructor(
    ring: SharedArrayBuffer,
    private readonly first: number,
  ) {
    const copy = new SharedArrayBuffer(ring.byteLength);
    this.bytes = new Uint8Array(copy);
    this.bytes.set(new Uint8Array(ring));
    this.count = new Int32Array(copy)[PACKET_RING.entryCountI32] ?? 0;
    const end = PACKET_RING.bytes + this.count * PACKET_ENTRY.bytes;
    this.i64 = new BigInt64Array(copy, 0, end / 8);
    this.entries = this.bytes.slice(0, end);
  }

  moveTo(sequence: number, arrivalUs: number): void {
    const packets = GROUPS * GROUP;
    for (let at = 0; at <= packets; at += 1) {
      const source = PACKET_RING.bytes + ((this.first + at) % this.count) * PACKET_ENTRY.bytes;
      const target = PACKET_RING.bytes + ((sequence + at) % this.count) * PACKET_ENTRY.bytes;
      this.bytes.set(this.entries.subarray(source, source + PACKET_ENTRY.bytes), target);
      const own = target / 8;
      this.i64[own + PACKET_ENTRY.sequenceI64] = BigInt(sequence + at);
      this.i64[own + PACKET_ENTRY.arrivalUsI64] = BigInt(arrivalUs + (at / FPS) * 1e6);
    }
    this.i64[PACKET_RING.firstSequenceI64] = BigInt(sequence);
    this.i64[PACKET_RING.nextSequenceI64] = BigInt(sequence + packets + 1);
  }
}
