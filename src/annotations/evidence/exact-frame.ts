import type { Clock } from '../../base/clock.js';
import { systemClock } from '../../base/clock.js';
import type { SegmentLookup } from '../../database/segment.js';
import type { NativeAddon } from '../../native/types.js';
import { PacketReader } from '../../rings/packet-reader.js';

export interface FrameLookup extends Pick<NativeAddon, 'frameIds' | 'segmentFrames'> {
  readonly recordings: Pick<SegmentLookup, 'inRange' | 'pathOf'>;
  /** Default: the system clock. */
  readonly clock?: Pick<Clock, 'after'>;
}

/** Maximum distance between a frame id and the sequence of the frame's packet, because of reordering. */
const MAX_REORDERING = 64;
const SEGMENT_LIMIT = 4;
/** Attempts to find a new frame. Its id is certain only when some later packets have arrived. */
const ATTEMPTS = 20;
const RETRY_MS = 100;

/** Arrival of a frame's packet, microseconds since the epoch; undefined: the frame is not in the history (any more). */
export async function arrivalOfFrame(
  camera: string,
  frameId: number,
  ring: SharedArrayBuffer | undefined,
  lookup: FrameLookup,
): Promise<number | undefined> {
  const { clock = systemClock } = lookup;
  for (let attempt = 1; ring !== undefined && attempt <= ATTEMPTS; attempt += 1) {
    const arrivalUs = inMemory(frameId, ring, lookup);
    if (arrivalUs !== undefined) return arrivalUs;
    if (Math.abs(frameId - new PacketReader(ring).end()) > MAX_REORDERING) break;
    await new Promise<void>((resolve) => void clock.after(RETRY_MS, resolve));
  }
  return await onDisk(camera, frameId, lookup);
}

function inMemory(frameId: number, ring: SharedArrayBuffer, { frameIds }: FrameLookup): number | undefined {
  const reader = new PacketReader(ring);
  const first = Math.max(reader.first(), frameId - MAX_REORDERING);
  const count = Math.min(reader.end(), frameId + MAX_REORDERING) - first;
  if (count <= 0) return undefined;
  const index = frameIds(new Uint8Array(ring), first, count).indexOf(frameId);
  return index < 0 ? undefined : reader.read(first + index)?.arrivalUs;
}

async function onDisk(camera: string, frameId: number, lookup: FrameLookup): Promise<number | undefined> {
  const { recordings, segmentFrames } = lookup;
  const segments = recordings.inRange(camera, {
    fromUs: 0,
    toUs: Number.MAX_SAFE_INTEGER,
    afterSequence: Math.max(0, frameId - MAX_REORDERING),
    limit: SEGMENT_LIMIT,
  });
  for (const segment of segments) {
    // A segment that was deleted meanwhile, or cannot be read, counts as empty.
    const frames = await segmentFrames(recordings.pathOf(segment)).catch(() => undefined);
    const index = frames?.frameIds.indexOf(frameId) ?? -1;
    if (index >= 0) return frames?.arrivalsUs[index];
  }
  return undefined;
}
