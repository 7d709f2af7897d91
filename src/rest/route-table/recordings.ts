import { z } from 'zod';
import { count, flag, time, timeOrNull } from './fields.js';
import {
  cameraName,
  LATEST_MS,
  listedId,
  moment,
  textOf,
  timeRangeQuery,
  wholeNumber,
  wholeNumberOr,
} from './parameters.js';
import { BASE, type RouteGroup, type Routes } from './route.js';

const MAX_CLIP_NAME_CHARACTERS = 128;
/** A page of this size takes the main thread a few milliseconds. */
const MAX_SEGMENTS = 1000;
const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._ -]{0,200}\.mp4$/;

const params = z.object({ name: cameraName });
const noRecording = 'There is neither a camera nor a recording of that name.';
const tooManyReaders = 'Too many clips and history queries are running.';
const mp4 = { status: 200, description: 'The file.', contentType: 'video/mp4' } as const;

/** A required parameter. The handler reports which one is missing. */
const rangeEnd = (description: string) =>
  wholeNumber(1, LATEST_MS, `${description}, milliseconds since the epoch, inclusive. Required.`);
const download = textOf(
  FILE_NAME,
  'a file name of A-Z a-z 0-9 . _ - and blanks that ends with .mp4',
  'File name under which a browser saves the clip. Without it, a browser plays the clip.',
);

const span = z
  .strictObject({ from: time('Start.'), to: time('End.') })
  .meta({ id: 'Span', description: 'A stretch of time, milliseconds since the epoch.' });

export const timelineAnswer = z
  .strictObject({
    spans: z.array(span).describe('Recorded without a gap, inside the range, oldest first.'),
    gaps: z.array(span).describe('The gaps between the spans.'),
    memory: span.nullable().describe('What memory holds, independent of recordings and of the range. null: nothing.'),
    segments: count('Segments that have a part in the range.'),
    bytes: count('Size of these segments.'),
    frames: count('Frames of these segments.'),
  })
  .meta({ id: 'Timeline', description: 'Where a camera is recorded and where not.' });

export const listedSegment = z
  .strictObject({
    id: z.int().describe('For `segments/:id`.'),
    file: z.string().describe("Name in the camera's folder."),
    start: time('Arrival of the first frame.'),
    end: time('`start` plus `duration_ms`.'),
    duration_ms: z.int().describe('Length, from the timestamps of the stream.'),
    bytes: count('Size of the file.'),
    frames: count('Frames in the file.'),
    first_frame_id: z.int().describe('As in gRPC.'),
    last_frame_id: z.int().describe('As in gRPC.'),
    keyframes: z.array(z.int()).describe('Arrivals of its keyframes.'),
    codec: z.string(),
    width: z.int().describe('Pixels.'),
    height: z.int().describe('Pixels.'),
    audio: flag('Whether it has audio.'),
  })
  .meta({ id: 'Segment', description: 'One file of a recording. Times are milliseconds since the epoch.' });

export const clipAnswer = z
  .strictObject({
    id: z.int(),
    name: z.string(),
    from: time('Start.'),
    to: time('End.'),
    created: time('When it was kept.'),
    bytes: count('Size of the segments that it protects.'),
    complete: flag('Whether its range is recorded without gaps.'),
  })
  .meta({
    id: 'Clip',
    description: 'A part of a recording that retention does not delete. Times are milliseconds since the epoch.',
  });

export const clipBody = z
  .strictObject({
    name: z
      .string()
      .refine(isClipName, `1 to ${MAX_CLIP_NAME_CHARACTERS} characters, no control characters, no blanks at its ends`)
      .describe(`1 to ${MAX_CLIP_NAME_CHARACTERS} characters, unique for the camera.`),
    from: moment.describe('Start, milliseconds since the epoch.'),
    to: moment.describe('End, at most 24 hours after `from`.'),
  })
  .meta({ id: 'NewClip', description: 'A part of a recording to keep.' });

const recordedCamera = z.strictObject({
  camera: z.string(),
  segments: count('Number of segments.'),
  bytes: count('Size of the segments.'),
  from: time('Start of the oldest segment.'),
  to: time('End of the newest segment.'),
});

export const recordingsSummary = z
  .strictObject({
    cameras: z.array(recordedCamera).describe('Also cameras that were removed.'),
    segments: count('Number of all segments.'),
    bytes: count('Size of all segments.'),
    from: timeOrNull('Start of the oldest segment. null: nothing is recorded.'),
    to: timeOrNull('End of the newest segment. null: nothing is recorded.'),
  })
  .meta({ id: 'Recordings', description: 'What is recorded. Times are milliseconds since the epoch.' });

export const checkAnswer = z
  .strictObject({
    good: count('Segments of the list that are on the disk.'),
    added: count('Files that were not in the list and now are.'),
    missing: count('Segments that are gone from the disk; they were taken out of the list.'),
    removed: count('Leftovers of a crash that were deleted.'),
    foreign: z.array(z.string()).describe('The first 100 files that the proxy has not written. They stay as they are.'),
    foreign_count: count('Number of all such files.'),
  })
  .meta({ id: 'RecordingsCheck', description: 'What the comparison of the list with the disk found.' });

const segmentPage = z.strictObject({
  segments: z.array(listedSegment),
  next: z.int().nullable().describe('null: there are no more. Otherwise the value of `after` for the next page.'),
});

export type TimelineAnswer = z.output<typeof timelineAnswer>;
export type ListedSegment = z.output<typeof listedSegment>;
export type ClipAnswer = z.output<typeof clipAnswer>;
export type RecordingsSummary = z.output<typeof recordingsSummary>;
export type CheckAnswer = z.output<typeof checkAnswer>;

export const recordingRoutes = {
  listRecordings: {
    method: 'get',
    path: `${BASE}/recordings`,
    role: 'viewer',
    summary: 'Show how much is recorded for each camera',
    answer: { status: 200, description: 'The sums for each camera and for all cameras.', schema: recordingsSummary },
  },
  checkRecordings: {
    method: 'post',
    path: `${BASE}/recordings/check`,
    role: 'operator',
    summary: 'Compare the list of segments with the disk and correct it',
    answer: { status: 200, description: 'What was found.', schema: checkAnswer },
  },
  getTimeline: {
    method: 'get',
    path: `${BASE}/process/:name/timeline`,
    role: 'viewer',
    summary: 'Show where a camera is recorded and where not',
    params,
    query: z.object(timeRangeQuery),
    answer: { status: 200, description: 'The timeline.', schema: timelineAnswer },
    errors: { not_found: noRecording },
  },
  getClipOfRange: {
    method: 'get',
    path: `${BASE}/process/:name/clip.mp4`,
    role: 'viewer',
    summary: 'Get one mp4 of a time range',
    description:
      "The frames come from disk and memory, are not encoded again, and are sent as the file is made. `from` and `to` are at most 24 hours apart. Players start exactly at `from`. In a gap, they show the last picture. The file ends where the camera's codec or picture size changes. When the file cannot be completed, the connection is cut, so that the client notices.",
    params,
    query: z.object({ from: rangeEnd('Start of the range'), to: rangeEnd('End of the range'), download }),
    answer: mp4,
    errors: {
      not_found: 'There is nothing in the range; the message names the nearest span.',
      resource_exhausted: tooManyReaders,
    },
  },
  listSegments: {
    method: 'get',
    path: `${BASE}/process/:name/segments`,
    role: 'viewer',
    summary: 'List the segments of a camera, oldest first',
    params,
    query: z.object({
      ...timeRangeQuery,
      after: wholeNumberOr(0, 0, Number.MAX_SAFE_INTEGER, '`next` of the previous page.'),
      limit: wholeNumberOr(MAX_SEGMENTS, 1, MAX_SEGMENTS, 'Maximum number of segments.'),
    }),
    answer: { status: 200, description: 'One page of segments.', schema: segmentPage },
    errors: { not_found: noRecording },
  },
  getSegment: {
    method: 'get',
    path: `${BASE}/process/:name/segments/:id`,
    role: 'viewer',
    summary: 'Get the file of a segment',
    params: params.extend({ id: listedId('`id` of the segment.') }),
    answer: { ...mp4, ranges: true },
    errors: {
      not_found: 'There is no such segment, or its file is gone from the disk.',
      unavailable: 'The disk does not answer.',
    },
  },
  listClips: {
    method: 'get',
    path: `${BASE}/process/:name/clips`,
    role: 'viewer',
    summary: 'List the clips of a camera',
    params,
    answer: { status: 200, description: 'The clips.', schema: z.array(clipAnswer) },
    errors: { not_found: noRecording },
  },
  addClip: {
    method: 'post',
    path: `${BASE}/process/:name/clips`,
    role: 'operator',
    summary: 'Keep a part of a recording as a clip',
    params,
    body: { schema: clipBody },
    answer: { status: 201, description: 'The clip.', schema: clipAnswer },
    errors: {
      not_found: 'Nothing is recorded in the range; the message names the nearest span.',
      already_exists: 'The camera has a clip of that name already.',
    },
  },
  getClip: {
    method: 'get',
    path: `${BASE}/process/:name/clips/:id`,
    role: 'viewer',
    summary: 'Show one clip',
    params: params.extend({ id: listedId('`id` of the clip.') }),
    answer: { status: 200, description: 'The clip.', schema: clipAnswer },
    errors: { not_found: 'There is no such clip.' },
  },
  removeClip: {
    method: 'delete',
    path: `${BASE}/process/:name/clips/:id`,
    role: 'operator',
    summary: 'End the protection of a clip; retention deletes it when it is old enough',
    params: params.extend({ id: listedId('`id` of the clip.') }),
    answer: { status: 200, description: 'The clip is no longer kept.' },
    errors: { not_found: 'There is no such clip.' },
  },
  getClipFile: {
    method: 'get',
    path: `${BASE}/process/:name/clips/:id/clip.mp4`,
    role: 'viewer',
    summary: 'Get the mp4 of a clip',
    params: params.extend({ id: listedId('`id` of the clip.') }),
    query: z.object({ download }),
    answer: mp4,
    errors: { not_found: 'There is no such clip, or its recording is gone.', resource_exhausted: tooManyReaders },
  },
} as const satisfies Routes;

export const recordingGroup: RouteGroup = {
  title: 'Recordings',
  description: `[The guide](../guide/recording.md) explains what is recorded and for how long. These routes also work for a camera that was removed, as long as it has recordings. Times are milliseconds since the epoch, by the proxy's clock.

\`\`\`sh
curl -o minute.mp4 "http://127.0.0.1:8080/api/v1/process/yard/clip.mp4?from=1767323045000&to=1767323105000"
curl -d '{"name": "a parcel", "from": 1767323045000, "to": 1767323105000}' http://127.0.0.1:8080/api/v1/process/yard/clips
\`\`\``,
  routes: recordingRoutes,
};

function isClipName(name: string): boolean {
  const { length } = name;
  return length >= 1 && length <= MAX_CLIP_NAME_CHARACTERS && name === name.trim() && !/\p{Cc}/u.test(name);
}
