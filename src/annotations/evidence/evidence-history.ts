import { ChrysError } from '../../base/errors.js';
import { rangeInUs } from '../../base/microseconds.js';
import type { Camera, Cameras } from '../../cameras/types.js';
import { VideoFrame } from '../../gen/chrys/cloud/videostreaming/v1beta1/video_streaming.js';
import { PICTURE_FORMAT } from '../../gen/ring-layout.js';
import type { ClipQuery, HistoryQuery } from '../../history/queries.js';
import type { Recordings } from '../../recording/types.js';
import { coverageIntervals, coverageOf, type Coverage } from './coverage.js';
import { piecesOf, writeEvidence, type HistoryAnswer } from './evidence-writer.js';
import type { EvidenceRequest, StoredSnapshot } from './evidence.js';
import { arrivalOfFrame, type FrameLookup } from './exact-frame.js';

export interface EvidenceSource extends Omit<FrameLookup, 'recordings'> {
  /** Both throw resource_exhausted when too many queries are open. */
  readonly history: { open(query: HistoryQuery): HistoryAnswer; openClip(query: ClipQuery): HistoryAnswer };
  readonly cameras: Pick<Cameras, 'get'>;
  readonly recordings: Pick<Recordings, 'has' | 'inRange' | 'pathOf'>;
}

export interface EvidenceFile {
  readonly path: string;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

const JPEG_QUALITY = 90;
/** A frame that is further away from the requested time does not show the annotated event. */
const MAX_DISTANCE_MS = 5000;
/** The duration of a frame when the camera's rate is not known. */
const USUAL_FRAME_MS = 100;

/** Undefined: there is no such camera (any more). */
export function findCamera({ cameras }: EvidenceSource, name: string): Camera | undefined {
  try {
    return cameras.get(name);
  } catch (error) {
    if (error instanceof ChrysError && error.kind === 'not_found') return undefined;
    throw error;
  }
}

/** Writes the requested frame as JPEG. Throws not_found when it is not in the history, and errors of the disk. */
export async function writeSnapshot(
  request: EvidenceRequest,
  source: EvidenceSource,
  file: EvidenceFile,
): Promise<StoredSnapshot> {
  const { data, frameId, timestamp } = await requestedFrame(request, source, file.signal);
  const jpegBytes = await writeEvidence(file.path, [data], file.maxBytes);
  return { jpegBytes, jpegFrameId: frameId, jpegMs: timestamp };
}

/** Writes the part of the range that the history has; undefined: it has none. Throws errors of the disk. */
export async function writeClip(
  { camera: name, fromMs, toMs }: EvidenceRequest,
  source: EvidenceSource,
  { path, maxBytes, signal }: EvidenceFile,
): Promise<(Coverage & { readonly bytes: number; readonly frameMs: number }) | undefined> {
  const camera = findCamera(source, name);
  const range = rangeInUs(fromMs, toMs);
  const fps = camera?.stats.fps ?? 0;
  const frameMs = fps > 0 ? 1000 / fps : USUAL_FRAME_MS;
  const intervals = await coverageIntervals(name, range, camera?.packets.ring, source.recordings);
  const coverage = coverageOf(intervals, range, 2 * frameMs);
  if (coverage === undefined) return undefined;
  const answer = source.history.openClip({ camera: name, packets: camera?.packets, ...range });
  const bytes = await writeEvidence(path, piecesOf(answer, signal), maxBytes);
  return bytes === 0 ? undefined : { ...coverage, bytes, frameMs };
}

async function requestedFrame(
  request: EvidenceRequest,
  source: EvidenceSource,
  signal: AbortSignal,
): Promise<VideoFrame> {
  const { camera: name, atMs, frameId } = request;
  const camera = findCamera(source, name);
  const arrivalUs = frameId === 0 ? undefined : await arrivalOfFrame(name, frameId, camera?.packets.ring, source);
  if (frameId !== 0 && arrivalUs === undefined) throw noFrame(`frame ${frameId} of camera "${name}"`);
  const format = { format: PICTURE_FORMAT.jpeg, width: 0, height: 0, quality: JPEG_QUALITY, enlarge: false };
  const answer = source.history.open({
    camera: camera ?? { definition: { name }, packets: { ring: undefined, streams: new Map() } },
    fromUs: 0,
    toUs: 0,
    // The middle of the millisecond, so that a frame with this timestamp is nearer than its neighbours.
    nearestUs: arrivalUs ?? atMs * 1000 + 500,
    formatOf: () => format,
    keyframesOnly: false,
    intervalMs: 0,
    withholdCorrupt: false,
  });
  for await (const message of piecesOf(answer, signal)) {
    const frame = VideoFrame.decode(message);
    const isRequested = frameId === 0 ? Math.abs(frame.timestamp - atMs) <= MAX_DISTANCE_MS : frame.frameId === frameId;
    if (isRequested) return frame;
    break;
  }
  throw noFrame(frameId === 0 ? `a frame of camera "${name}" near ${atMs}` : `frame ${frameId} of camera "${name}"`);
}

function noFrame(frame: string): ChrysError {
  return new ChrysError('not_found', `${frame} is neither in memory nor on disk (any more)`);
}
