import { z } from 'zod';
import { parseCameraBody } from './camera-body-parser.js';
import { cameraBody, cameraChanges, newReplay, probeBody, retryBody } from './camera-bodies.js';
import { cameraName, truthOr } from './parameters.js';
import { BASE, type RouteGroup, type Routes } from './route.js';
import { streamProcess } from './stream-process.js';

const params = z.object({ name: cameraName });
const query = z.object({ logs: truthOr(true, 'false: leave the logs empty, for clients that ask often.') });
const noCamera = 'There is no camera of that name.';
const camera = { status: 200, description: 'The camera.', schema: streamProcess } as const;

const probeResult = z
  .strictObject({
    codec: z.string(),
    profile: z.string(),
    width: z.int().describe('Pixels. 0: not known.'),
    height: z.int().describe('Pixels. 0: not known.'),
    pixel_format: z.string().describe("FFmpeg's name."),
    fps: z.number().describe('Measured frame rate. 0: not known.'),
    gop_packets: z.number().describe('Length of a group of pictures, packets. 0: not known.'),
    bitrate_kbps: z.number().describe('0: not known.'),
    transport: z.enum(['tcp', 'udp', 'multicast']).describe('The transport in use.'),
    open_ms: z.number().describe('Time for opening the stream, milliseconds. 0: no connection was made.'),
    camera: z
      .string()
      .nullable()
      .describe(
        'The running camera with the same host, port and path, which answered for the stream. Then no connection was made, and user name and password were not tried. null: a connection was made.',
      ),
  })
  .meta({ id: 'ProbeResult', description: 'The properties of a stream.' });

export type ProbeAnswer = z.output<typeof probeResult>;

export const cameraRoutes = {
  listCameras: {
    method: 'get',
    path: `${BASE}/processlist`,
    role: 'viewer',
    summary: 'List all cameras',
    query,
    answer: { status: 200, description: 'The cameras.', schema: z.array(streamProcess) },
  },
  addCamera: {
    method: 'post',
    path: `${BASE}/process`,
    role: 'admin',
    summary: 'Add a camera and start it',
    body: { schema: z.union([cameraBody, newReplay]), parse: parseCameraBody },
    answer: { status: 200, description: 'The camera was added.' },
    errors: {
      already_exists: 'There is already a camera of that name.',
      resource_exhausted: '`max_cameras` of the configuration is reached.',
    },
  },
  getCamera: {
    method: 'get',
    path: `${BASE}/process/:name`,
    role: 'viewer',
    summary: 'Show one camera',
    params,
    query,
    answer: camera,
    errors: { not_found: noCamera },
  },
  changeCamera: {
    method: 'patch',
    path: `${BASE}/process/:name`,
    role: 'admin',
    summary: 'Change how a camera is connected, or switch its recording, passthrough or storage',
    description:
      'The camera stays connected unless `record_audio`, `transport`, `tls_verify` or `max_pixels` changes: then it reconnects. `storage` is changed last, since that can fail.',
    params,
    query,
    body: { schema: cameraChanges },
    answer: camera,
    errors: {
      not_found: noCamera,
      failed_precondition:
        '`passthrough` or `storage` of a camera without an `rtmp_endpoint`, `passthrough` of a codec that RTMP cannot carry, or `storage` without an edge key.',
      permission_denied: 'The cloud refuses the edge key.',
      unavailable: 'The cloud does not answer as it should.',
    },
  },
  removeCamera: {
    method: 'delete',
    path: `${BASE}/process/:name`,
    role: 'admin',
    summary: 'Remove a camera; its recordings stay',
    params,
    answer: { status: 200, description: 'The camera was removed.' },
    errors: { not_found: noCamera },
  },
  retryCamera: {
    method: 'post',
    path: `${BASE}/process/:name/retry`,
    role: 'operator',
    summary: 'Connect to a camera at once',
    description: 'For a camera that waits for its next attempt, or that has failed permanently.',
    params,
    query,
    body: { schema: retryBody, optional: true },
    answer: camera,
    errors: { not_found: noCamera },
  },
  probe: {
    method: 'post',
    path: `${BASE}/probe`,
    role: 'admin',
    summary: 'Find out what a stream is, without adding it as a camera',
    description: 'Opens the stream and watches it for a complete group of pictures.',
    body: { schema: probeBody },
    answer: { status: 200, description: 'The properties of the stream.', schema: probeResult },
    errors: {
      unauthenticated: 'The camera does not accept the user name or the password.',
      permission_denied: 'The user may not view this stream.',
      not_found: 'The camera has no such stream.',
      failed_precondition: 'A setting must be changed; the message says which.',
      resource_exhausted: 'The camera allows no further session, or four probes are running already.',
      unavailable: 'The camera cannot be reached.',
      deadline_exceeded: 'The camera does not answer in time.',
    },
  },
} as const satisfies Routes;

export const cameraGroup: RouteGroup = {
  title: 'Cameras',
  description: `A camera is called a process, as in the original.

\`\`\`sh
curl -d '{"name":"yard","rtsp_endpoint":"rtsp://user:password@10.0.0.7/stream1"}' http://127.0.0.1:8080/api/v1/process
curl -X PATCH -d '{"record": true}' http://127.0.0.1:8080/api/v1/process/yard
curl -X DELETE http://127.0.0.1:8080/api/v1/process/yard
\`\`\``,
  routes: cameraRoutes,
};
