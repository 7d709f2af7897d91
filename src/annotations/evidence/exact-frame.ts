import { setTimeout as pause } from 'node:timers/promises';
import type { NativeAddon } from '../../native/types.js';
import { PacketReader } from '../../rings/packet-reader.js';
import type { SegmentLookup } from '../../database/segment.js';

export interface FrameLookup extends Pick<NativeAddon, 'frameIds' | 'segmentFrames'> {
  readonly recordings: Pick<SegmentLookup, 'inRange' | 'pathOf'>;
}

/** Frame ids are the numbers of the packets, in the order in which they are shown: a frame lies so close to its number. */
const REORDERED = 64;
const SEGMENTS = 4;
/** The place of a frame among its neighbours is certain only when some packets after it have come. */
const TRIES = 20;
const TRY_AGAIN_MS = 100;

/** When the packet of a frame arrived, microseconds since the epoch; undefined: it is not there (any more). */
export async function arrivalOfFrame(
  camera: string,
  frameId: number,
  ring: SharedArrayBuffer | undefined,
  lookup: FrameLookup,
): Promise<number | undefined> {
  for (let tries = 1; ring !== undefined && tries <= TRIES; tries += 1) {
    const arrivalUs = inMemory(frameId, ring, lookup);
    if (arrivalUs !== undefined) return arrivalUs;
    if (Math.abs(frameId - new PacketReader(ring).end()) > REORDERED) break;
    await pause(TRY_AGAIN_MS);
  }
  return await onDisk(camera, frameId, lookup);
}

function inMemory(frameId: number, ring: SharedArrayBuffer, { frameIds }: FrameLookup): number | undefined {
  const reader = new PacketReader(ring);
  const first = Math.max(reader.first(), frameId - REORDERED);
  const count = Math.min(reader.end(), frameId + REORDERED) - first;
  if (count <= 0) return undefined;
  const index = frameIds(new Uint8Array(ring), first, count).indexOf(frameId);
  return index < 0 ? undefined : reader.read(first + index)?.arrivalUs;
}

async function onDisk(camera: string, frameId: number, lookup: FrameLookup): Promise<number | undefined> {
  const { recordings, segmentFrames } = lookup;
  const segments = recordings.inRange(camera, {
    fromUs: 0,
    toUs: Number.MAX_SAFE_INTEGER,
    afterSequence: Math.max(0, frameId - REORDERED),
    limit: SEGMENTS,
  });
  for (const segment of segments) {
    // Deleted a moment ago, or not to be read.
    const frames = await segmentFrames(recordings.pathOf(segment)).catch(() => undefined);
    const index = frames?.frameIds.indexOf(frameId) ?? -1;
    if (index >= 0) return frames?.arrivalsUs[index];
  }
  return undefined;
}
