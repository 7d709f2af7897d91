import { z } from 'zod';
import { count, flag, time } from './fields.js';
import {
  cameraName,
  LATEST_MS,
  MAX_WIDTH,
  MIN_WIDTH,
  timeRangeQuery,
  truthOr,
  wholeNumber,
  wholeNumberOr,
} from './parameters.js';
import { BASE, type RouteGroup, type Routes } from './route.js';

export const MAX_STREAMS = 64;
export const STREAM_QUALITY = 80;
const MAX_FPS = 60;
const DEFAULT_FRAMES = 1000;
const MAX_FRAMES = 10_000;

const params = z.object({ name: cameraName });
const width = wholeNumber(
  MIN_WIDTH,
  MAX_WIDTH,
  "Width in pixels. The picture is only scaled down, and keeps its aspect ratio. Default: the camera's own size.",
);

const listedFrame = z
  .strictObject({
    frame_id: z.int().describe('As in gRPC: grows with each frame, in display order.'),
    timestamp: time('Arrival of the packet, milliseconds since the epoch.'),
    keyframe: flag('Whether it is a keyframe.'),
    bytes: count('Size of the compressed packet.'),
    pts: z.number().describe("Presentation time, in ticks of the stream's time base."),
  })
  .meta({ id: 'ListedFrame', description: 'A frame in memory or on disk.' });

const frameList = z.strictObject({
  frames: z.array(listedFrame),
  next: z.int().nullable().describe('null: there are no more. Otherwise the value of `after` for the next page.'),
});

export type ListedFrame = z.output<typeof listedFrame>;
export type FrameListAnswer = z.output<typeof frameList>;

export const pictureRoutes = {
  getSnapshot: {
    method: 'get',
    path: `${BASE}/process/:name/snapshot.jpg`,
    role: 'viewer',
    summary: 'Get the newest frame, or the frame at a given time, as a JPEG',
    description:
      'Waits up to 5 s for a frame. Two snapshots are encoded at a time and 32 more wait. With `at`, the frame comes from memory or disk, and the camera may have been removed.',
    params,
    query: z.object({
      at: wholeNumber(
        1,
        LATEST_MS,
        'Milliseconds since the epoch: the frame nearest to this time. Default: the newest frame.',
      ),
      width,
      quality: wholeNumber(1, 100, 'JPEG quality. Default: the quality of the encoder.'),
      keyframe: truthOr(
        false,
        'true: only a keyframe, which costs much less for a client that asks every few seconds.',
      ),
    }),
    answer: {
      status: 200,
      description: 'The picture.',
      contentType: 'image/jpeg',
      headers: {
        'X-Frame-Id': 'Frame id of the picture.',
        'X-Timestamp': 'Arrival of the frame, milliseconds since the epoch.',
      },
    },
    errors: {
      not_found: 'There is no camera of that name, or no frame within 60 s of `at`.',
      resource_exhausted: 'Too many snapshots wait.',
      unavailable: 'The camera is not connected.',
      deadline_exceeded: 'The camera is connected and delivered no frame in time.',
    },
  },
  streamMjpeg: {
    method: 'get',
    path: `${BASE}/process/:name/stream.mjpeg`,
    role: 'viewer',
    summary: 'Watch a camera live',
    description: `An answer without end that an \`<img>\`, OpenCV or FFmpeg can show. Each part is one JPEG of quality ${STREAM_QUALITY}, with \`Content-Length\` and \`X-Timestamp\`, the arrival of its frame in milliseconds since the epoch.

Viewers with equal parameters share one JPEG. The next frame is fetched only when the last one has been sent, so a slow viewer gets the newest picture and no backlog, except for what the network buffers hold. The stream continues when a camera that was away comes back. It ends when the camera is removed, and when a viewer accepts nothing for 30 s. At most ${MAX_STREAMS} streams are open at a time, and a camera serves at most 15 output formats and 8 frame rates to all its callers together.

\`\`\`sh
ffplay 'http://127.0.0.1:8080/api/v1/process/yard/stream.mjpeg?fps=5&width=640'
\`\`\``,
    params,
    query: z.object({ fps: wholeNumber(1, MAX_FPS, 'Approximate frame rate. Default: every frame.'), width }),
    answer: {
      status: 200,
      description: 'JPEGs, one after another.',
      contentType: 'multipart/x-mixed-replace; boundary=frame',
    },
    errors: {
      not_found: 'There is no camera of that name.',
      resource_exhausted: 'Too many streams, output formats or frame rates are in use.',
    },
  },
  listFrames: {
    method: 'get',
    path: `${BASE}/process/:name/frames`,
    role: 'viewer',
    summary: 'List the frames on disk and in memory',
    description:
      'Lists what `VideoBufferedImage` of gRPC can return, from disk and then from memory, oldest first. Works also for a camera that was removed, as long as it has recordings.',
    params,
    query: z.object({
      ...timeRangeQuery,
      after: wholeNumberOr(0, 0, Number.MAX_SAFE_INTEGER, '`next` of the previous page.'),
      limit: wholeNumberOr(DEFAULT_FRAMES, 1, MAX_FRAMES, 'Maximum number of frames.'),
    }),
    answer: { status: 200, description: 'One page of frames.', schema: frameList },
    errors: { not_found: 'There is neither a camera nor a recording of that name.' },
  },
} as const satisfies Routes;

export const pictureGroup: RouteGroup = {
  title: 'Pictures',
  description: `Frames for programs come over gRPC; these routes are for browsers and scripts.

\`\`\`sh
curl -o yard.jpg 'http://127.0.0.1:8080/api/v1/process/yard/snapshot.jpg?width=640'
\`\`\``,
  routes: pictureRoutes,
};
