import { setImmediate as nextTurn } from 'node:timers/promises';

import type { HistoryOptions, HistorySegment } from '../native/types.js';
import { PacketReader } from '../rings/packet-reader.js';
import type { Segment, SegmentLookup } from '../database/segment.js';
import type { ClipQuery, HistoryQuery, HistoryCamera } from './queries.js';

/** Number of segments that a worker gets at a time. It requests further ones. */
const AT_A_TIME = 64;
const CLIP_AT_A_TIME = 500;

/** Where a query reads its packets from. */
export interface HistorySources {
  readonly segments: readonly HistorySegment[];
  readonly moreSegments: boolean;
  /** Undefined: the query reads only segments. */
  readonly ring: SharedArrayBuffer | undefined;
}

/** The sources of a query: memory, and segments for older packets. */
export function sourcesOf(query: HistoryQuery, disk: SegmentLookup | undefined): HistorySources {
  const { ring } = query.camera.packets;
  if (disk === undefined) return { segments: [], moreSegments: false, ring };
  return query.nearestUs === undefined
    ? sourcesOfRange(query, disk, ring)
    : sourcesOfMoment(query, query.nearestUs, disk, ring);
}

/** The next segments of a range: those with packets from the sequence `wanted` on. */
export function moreSegments(
  query: HistoryQuery,
  wanted: number,
  disk: SegmentLookup,
): Pick<HistoryOptions, 'segments' | 'moreSegments'> {
  const found = disk.inRange(query.camera.definition.name, {
    fromUs: query.fromUs,
    toUs: query.toUs,
    afterSequence: Math.max(0, wanted - 1),
    limit: AT_A_TIME,
  });
  return {
    segments: found.map((segment) => historySegment(segment, query, disk)),
    moreSegments: found.length === AT_A_TIME,
  };
}

/** The paths of all segments of a clip. Yields to other work between pages: a day has tens of thousands. */
export async function pathsOf(query: ClipQuery, disk: SegmentLookup | undefined): Promise<string[]> {
  const paths: string[] = [];
  if (disk === undefined) return paths;
  const { camera, fromUs, toUs } = query;
  for (let afterSequence = 0; ;) {
    const found = disk.inRange(camera, { fromUs, toUs, afterSequence, limit: CLIP_AT_A_TIME });
    paths.push(...found.map((segment) => disk.pathOf(segment)));
    const last = found.at(-1);
    if (last === undefined || found.length < CLIP_AT_A_TIME) return paths;
    afterSequence = last.endSequence - 1;
    await nextTurn();
  }
}

function sourcesOfRange(query: HistoryQuery, disk: SegmentLookup, ring: SharedArrayBuffer | undefined): HistorySources {
  const oldest = ring === undefined ? undefined : oldestInMemory(ring);
  if (oldest !== undefined && oldest.arrivalUs <= query.fromUs) {
    // If packets of the range leave the memory before they are read, the worker requests their segments.
    return { segments: [], moreSegments: isRecorded(query.camera, disk), ring };
  }
  return { ...moreSegments(query, 0, disk), ring };
}

function sourcesOfMoment(
  query: HistoryQuery,
  momentUs: number,
  disk: SegmentLookup,
  ring: SharedArrayBuffer | undefined,
): HistorySources {
  const oldest = ring === undefined ? undefined : oldestInMemory(ring);
  const inMemory: HistorySources = { segments: [], moreSegments: false, ring };
  if (oldest !== undefined && oldest.arrivalUs <= momentUs) return inMemory;
  const segment = disk.nearest(query.camera.definition.name, momentUs, query.keyframesOnly);
  if (segment === undefined) return inMemory;
  const beforeUs = Math.max(0, segment.startUs - momentUs);
  const afterUs = Math.max(0, momentUs - segment.lastUs);
  if (oldest !== undefined && oldest.arrivalUs - momentUs < beforeUs + afterUs) return inMemory;
  return { segments: [historySegment(segment, query, disk)], moreSegments: false, ring: undefined };
}

function isRecorded(camera: HistoryCamera, disk: SegmentLookup): boolean {
  return disk.nearest(camera.definition.name, 0, false) !== undefined;
}

function oldestInMemory(ring: SharedArrayBuffer): { readonly arrivalUs: number } | undefined {
  const [first] = new PacketReader(ring).decodable();
  return first;
}

function historySegment(segment: Segment, query: HistoryQuery, disk: SegmentLookup): HistorySegment {
  return {
    path: disk.pathOf(segment),
    firstSequence: segment.firstSequence,
    endSequence: segment.endSequence,
    outputFormat: query.formatOf(segment),
  };
}
