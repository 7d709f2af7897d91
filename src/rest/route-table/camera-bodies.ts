import { z } from 'zod';
import { MAX_SPEED, MIN_SPEED } from '../../cameras/source/replay-url.js';
import { MAX_URL_CHARACTERS } from '../../base/url-limit.js';
import { configSchema } from '../../config/schema.js';
import { moment } from './parameters.js';

const MIN_PROBE_MS = 100;
const MAX_PROBE_MS = 600_000;
export const DEFAULT_PROBE_MS = 10_000;

const options = configSchema.shape.camera.unwrap().shape;
const ignored = z.unknown().optional();

const TRANSPORT = 'How RTP is received. Default: `camera.transport` of the configuration.';
const TLS = 'How the certificate of an `rtsps` camera is checked. Default: `camera.tls_verify`.';
const MAX_PIXELS = 'Maximum width times height of a picture.';
const RECORD = 'Whether the camera is recorded.';
const AUDIO = 'Whether audio is recorded too, if it is AAC or Opus.';

const rtmpUrl = z
  .string()
  .max(MAX_URL_CHARACTERS)
  .refine(isRtmpUrl, 'an rtmp:// or rtmps:// URL, with its password if it has one, or "" for none');

const rtspUrl = z
  .string()
  .min(1)
  .max(MAX_URL_CHARACTERS)
  .refine((url) => !isMasked(url), 'the URL with its password, and not the masked one of an answer');

/** The body that adds a camera. Fields that only an answer has are ignored, so that an old answer can be sent back. */
export const cameraBody = z
  .strictObject({
    name: z
      .string()
      .nullish()
      .describe(
        '1 to 128 of the characters `A-Z a-z 0-9 . _ -`, beginning with a letter or a digit. Default: the MD5 of `rtsp_endpoint`, hexadecimal.',
      ),
    rtsp_endpoint: rtspUrl.describe(
      '`rtsp://` or `rtsps://` URL with user and password, a `file:` URL where `sources.schemes` allows it, or `replay:CAMERA?from=…&to=…&speed=…&loop=true`.',
    ),
    rtmp_endpoint: rtmpUrl.nullish().describe('`rtmp://` or `rtmps://` URL for passthrough.'),
    transport: options.transport.unwrap().nullish().describe(TRANSPORT),
    tls_verify: options.tls_verify.unwrap().nullish().describe(TLS),
    max_pixels: options.max_pixels
      .unwrap()
      .nullish()
      .describe(`${MAX_PIXELS} Without it, \`camera.max_pixels\` applies, also when that changes later.`),
    open_timeout_ms: options.open_timeout_ms
      .unwrap()
      .nullish()
      .describe('Timeout for opening the stream, milliseconds. Default: `camera.open_timeout_ms`.'),
    stall_timeout_ms: options.stall_timeout_ms
      .unwrap()
      .nullish()
      .describe(
        'Minimum time without a picture after which the stream is opened again, milliseconds. Default: `camera.stall_timeout_ms`.',
      ),
    decoder_threads: options.decoder_threads
      .unwrap()
      .nullish()
      .describe('Threads of the decoder. Default: `camera.decoder_threads`.'),
    record: z.boolean().nullish().describe(`${RECORD} Without it, \`buffer.on_disk\` applies.`),
    record_audio: z.boolean().nullish().describe(AUDIO),
    replay: z.null().optional().describe('null, or left out.'),
    image_tag: ignored,
    container_id: ignored,
    status: ignored,
    state: ignored,
    logs: ignored,
    created: ignored,
    modified: ignored,
    rtmp_stream_status: ignored,
    upgrade_available: ignored,
    chrysproxy: ignored,
  })
  .meta({
    id: 'NewCamera',
    description:
      'A camera that connects to a URL. The fields of a StreamProcess that are not listed as options are ignored, so that a StreamProcess can be sent back; the masked password in it must be replaced with the real one. Any other field is an error.',
  });

/** The range of another camera's recording that is played. The length of the range is checked later. */
export const replayBody = z
  .strictObject({
    camera: z.string().describe('The camera whose recording is played.'),
    from: moment.describe('Start of the range, milliseconds since the epoch.'),
    to: moment.describe('End of the range, at most 24 hours after `from`.'),
    speed: z.number().min(MIN_SPEED).max(MAX_SPEED).nullish().describe('1, the default: as it was recorded.'),
    loop: z.boolean().nullish().describe('Whether it restarts at its end.'),
  })
  .meta({ id: 'Replay', description: 'A recorded range.' });

/** The same as cameraBody for a camera that plays a recording. `replay` is checked with `replayBody`. */
export const replayCameraBody = cameraBody.extend({ rtsp_endpoint: z.null().optional(), replay: ignored });

/** The documented form of replayCameraBody, in which `replay` has its schema. */
export const newReplay = replayCameraBody.extend({ replay: replayBody }).meta({
  id: 'NewReplay',
  description:
    'A camera that plays a recorded range of another one. It is kept as an `rtsp_endpoint` that begins with `replay:`.',
});

/** The fields of a camera that can be changed. */
export const cameraChanges = z
  .strictObject({
    transport: options.transport.unwrap().optional().describe('How RTP is received.'),
    tls_verify: options.tls_verify.unwrap().optional().describe('How the certificate of an `rtsps` camera is checked.'),
    max_pixels: z
      .union([options.max_pixels.unwrap(), z.null()])
      .optional()
      .describe(`${MAX_PIXELS} null: \`camera.max_pixels\` of the configuration applies.`),
    record: z.union([z.boolean(), z.null()]).optional().describe(`${RECORD} null: \`buffer.on_disk\` applies.`),
    record_audio: z.boolean().optional().describe(AUDIO),
    rtmp_endpoint: z
      .union([rtmpUrl, z.null()])
      .optional()
      .describe('URL of the RTMP server. null: none, which also ends passthrough and storage.'),
    passthrough: z
      .boolean()
      .optional()
      .describe('Whether the stream is [sent](../guide/passthrough.md) to `rtmp_endpoint`.'),
    storage: z
      .boolean()
      .optional()
      .describe(
        'Whether the cloud stores the stream. The answer waits for the cloud. When the cloud does not agree, the answer is an error, but the value is kept, and the proxy asks the cloud again until it agrees.',
      ),
  })
  .meta({ id: 'CameraChanges', description: 'One or more of these fields.' });

/** The stream to probe, and how. */
export const probeBody = z
  .strictObject({
    rtsp_endpoint: rtspUrl.describe('URL of the stream, with user and password.'),
    transport: cameraBody.shape.transport.describe('How RTP is received. Default: `auto`.'),
    tls_verify: cameraBody.shape.tls_verify,
    timeout_ms: z
      .int()
      .min(MIN_PROBE_MS)
      .max(MAX_PROBE_MS)
      .nullish()
      .describe(`Timeout of the whole probe, milliseconds. Default: ${DEFAULT_PROBE_MS}.`),
  })
  .meta({ id: 'ProbeRequest', description: 'A stream to probe.' });

export const retryBody = z.strictObject({
  forget: z
    .boolean()
    .nullish()
    .describe(
      'true: also forget [what earlier connections found out](../guide/cameras.md#what-is-learnt-of-a-camera), and reconnect.',
    ),
});

function isMasked(url: string): boolean {
  return url.includes(':***@');
}

function isRtmpUrl(url: string): boolean {
  return url === '' || (/^rtmps?:\/\/[^/]/i.test(url) && URL.canParse(url) && !isMasked(url));
}
