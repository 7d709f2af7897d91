import type { Camera, Cameras } from '../../cameras/types.js';
import { ChrysError } from '../../base/errors.js';
import { PICTURE_FORMAT } from '../../gen/ring-layout.js';
import { VideoFrame } from '../../gen/chrys/cloud/videostreaming/v1beta1/video_streaming.js';
import type { ClipQuery, HistoryQuery } from '../../history/queries.js';
import type { Recordings } from '../../recording/types.js';
import type { EvidenceWish, KeptSnapshot } from '../../database/evidence.js';
import { coverageOf, coverageIntervals, type Coverage } from './coverage.js';
import { arrivalOfFrame, type FrameLookup } from './exact-frame.js';
import { piecesOf, writeWhole, type Past } from './history-pieces.js';

export interface EvidenceSource extends Omit<FrameLookup, 'recordings'> {
  /** Both throw resource_exhausted when too many are open. */
  readonly history: { open(query: HistoryQuery): Past; openClip(query: ClipQuery): Past };
  readonly cameras: Pick<Cameras, 'get'>;
  readonly recordings: Pick<Recordings, 'has' | 'inRange' | 'pathOf'>;
}

/** Where to, and how much at most. */
export interface EvidenceFile {
  readonly path: string;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

const QUALITY = 90;
/** A frame that is further away does not show what was annotated. */
const FARTHEST_MS = 5000;
/** Of frames whose rate is not known. */
const USUAL_FRAME_MS = 100;

/** Undefined: it was removed. */
export function cameraNow({ cameras }: EvidenceSource, name: string): Camera | undefined {
  try {
    return cameras.get(name);
  } catch (error) {
    if (error instanceof ChrysError && error.kind === 'not_found') return undefined;
    throw error;
  }
}

/** Writes the wanted frame. Throws not_found when it is not there, and what the disk says. */
export async function writeSnapshot(
  wish: EvidenceWish,
  source: EvidenceSource,
  file: EvidenceFile,
): Promise<KeptSnapshot> {
  const { data, frameId, timestamp } = await wantedFrame(wish, source, file.signal);
  const jpegBytes = await writeWhole(file.path, [data], file.maxBytes);
  return { jpegBytes, jpegFrameId: frameId, jpegMs: timestamp };
}

/** Writes what there is of the range; undefined: nothing is. Throws what the disk says. */
export async function writeClip(
  { camera: name, fromMs, toMs }: EvidenceWish,
  source: EvidenceSource,
  { path, maxBytes, signal }: EvidenceFile,
): Promise<(Coverage & { readonly bytes: number; readonly frameMs: number }) | undefined> {
  const camera = cameraNow(source, name);
  const range = { fromUs: fromMs * 1000, toUs: toMs * 1000 + 999 };
  const fps = camera?.stats.fps ?? 0;
  const frameMs = fps > 0 ? 1000 / fps : USUAL_FRAME_MS;
  const stretches = await coverageIntervals(name, range, camera?.packets.ring, source.recordings);
  const covered = coverageOf(stretches, range, 2 * frameMs);
  if (covered === undefined) return undefined;
  const pieces = source.history.openClip({
    camera: name,
    packets: camera?.packets,
    ...range,
  });
  const bytes = await writeWhole(path, piecesOf(pieces, signal), maxBytes);
  return bytes === 0 ? undefined : { ...covered, bytes, frameMs };
}

async function wantedFrame(wish: EvidenceWish, source: EvidenceSource, signal: AbortSignal): Promise<VideoFrame> {
  const { camera: name, atMs, frameId } = wish;
  const camera = cameraNow(source, name);
  const arrivalUs = frameId === 0 ? undefined : await arrivalOfFrame(name, frameId, camera?.packets.ring, source);
  if (frameId !== 0 && arrivalUs === undefined) throw noFrame(`frame ${frameId} of camera "${name}"`);
  const look = { format: PICTURE_FORMAT.jpeg, width: 0, height: 0, quality: QUALITY, enlarge: false };
  const past = source.history.open({
    camera: camera ?? { definition: { name }, packets: { ring: undefined, streams: new Map() } },
    fromUs: 0,
    toUs: 0,
    // The middle of the millisecond: a frame of that timestamp is nearer than its neighbours.
    nearestUs: arrivalUs ?? atMs * 1000 + 500,
    formatOf: () => look,
    keyframesOnly: false,
    intervalMs: 0,
    withholdCorrupt: false,
  });
  for await (const message of piecesOf(past, signal)) {
    const frame = VideoFrame.decode(message);
    const isIt = frameId === 0 ? Math.abs(frame.timestamp - atMs) <= FARTHEST_MS : frame.frameId === frameId;
    if (isIt) return frame;
    break;
  }
  throw noFrame(
    frameId === 0 ? `a frame of camera "${name}" of about ${atMs}` : `frame ${frameId} of camera "${name}"`,
  );
}

function noFrame(what: string): ChrysError {
  return new ChrysError('not_found', `${what} is neither in memory nor on disk (any more)`);
}
