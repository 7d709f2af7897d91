import { z } from 'zod';
import { CAPTURE_ENDS } from '../../native/types.js';
import { TLS_VERIFY, TRANSPORTS } from '../../config/schema.js';
import { count, flag, sentence, time, timeOrNull } from './fields.js';

const state = z
  .strictObject({
    Status: z.string().describe('The same as `status`.'),
    Running: z.boolean(),
    Paused: z.literal(false),
    Restarting: z.boolean(),
    OOMKilled: z.literal(false),
    Dead: z.boolean(),
    Pid: z.int().describe('Process id of the proxy.'),
    ExitCode: z.int().describe('1 when `status` is `dead`, otherwise 0.'),
    Error: z.string().describe('Why the camera is not running; empty when it is.'),
    StartedAt: z
      .string()
      .describe('When the camera last connected, RFC 3339. `0001-01-01T00:00:00Z`: it has never connected.'),
    FinishedAt: z.string().describe('When it last disconnected, in the same form.'),
  })
  .describe('The state in the form of a Docker container. `Running`, `Restarting` and `Dead` follow from `Status`.');

const logs = z
  .strictObject({
    stdout: z.string().describe('Lines of the levels info and debug, base64.'),
    stderr: z.string().describe('Warnings and errors, base64.'),
  })
  .describe('The newest 100 log lines of the camera. Empty with `?logs=false`.');

const stream = z
  .strictObject({
    codec: z.string(),
    codec_long_name: z.string(),
    profile: z.string(),
    width: z.int().describe('Pixels. 0: the stream has not declared a size yet.'),
    height: z.int().describe('Pixels.'),
    pixel_format: z.string().describe("FFmpeg's name."),
    declared_fps: z.number().describe('Frame rate that the stream declares. 0: it declares none.'),
  })
  .nullable()
  .describe('The video stream. null until the stream has been opened once.');

const learned = z
  .strictObject({
    transport: z.string().nullable().describe('`tcp`, `udp` or `multicast`.'),
    keepalive: z.string().nullable().describe('RTSP method that keeps the session alive.'),
    authentication: z.string().nullable().describe('Authentication scheme that worked.'),
    certificate: z.string().nullable().describe('SHA-256 of the pinned certificate, hexadecimal.'),
    usual_gap_ms: z.number().nullable().describe('Usual time between two pictures, milliseconds.'),
    without_receiver_reports: flag('The camera answers RTCP receiver reports with errors, so none are sent.'),
    marks_every_slice: flag('The camera sets the RTP marker on every slice.'),
    sequence_unreliable: flag('The RTP sequence numbers have gaps although nothing is missing.'),
    jpeg_size: z
      .strictObject({ width: z.int(), height: z.int() })
      .nullable()
      .describe('Size of JPEG pictures that are too large for their RTP header, pixels.'),
  })
  .nullable()
  .describe(
    'What [earlier connections found out](../guide/cameras.md#what-is-learnt-of-a-camera). null: nothing yet. A field is null, or false, until it is known.',
  );

const stats = z
  .strictObject({
    packets: count('Packets received.'),
    keyframes: count('Keyframes among them.'),
    bytes: count('Bytes received.'),
    frames_decoded: count('Frames that were decoded.'),
    frames_published: count('Frames that were offered to callers.'),
    frames_corrupt: count('Frames that the decoder reported as damaged.'),
    frames_dropped: count('Frames that were decoded and not offered, because their time was not later than the last.'),
    decode_errors: count('Packets that could not be decoded.'),
    packets_damaged: count('Packets that were damaged by loss on the network.'),
    decode_us: z.number().describe('CPU time of decoding, microseconds.'),
    convert_us: z.number().describe('CPU time of conversion, microseconds.'),
    reconnects: count('How often the stream was opened again.'),
    fps: z.number().describe('Measured frame rate. 0: not known yet.'),
    gop_packets: z.number().describe('Measured length of a group of pictures, packets. 0: not known yet.'),
    stall_limit_ms: z
      .number()
      .nullable()
      .describe('Time without a picture that counts as a stall, milliseconds. null: not known yet.'),
    last_packet: timeOrNull('When the last packet arrived. null: none yet.'),
    last_frame: timeOrNull('When the last decoded frame arrived. null: none yet.'),
    last_error: sentence('The last failure; empty when there was none.'),
    decoding: z.enum(['idle', 'keyframes', 'interval', 'all']).describe('What is decoded at the moment.'),
    callers: count('Calls that wait for a frame at the moment.'),
  })
  .describe('Counters since the camera was added or the proxy started, whichever is later.');

const recording = z
  .strictObject({
    wanted: flag('Whether the camera is to be recorded.'),
    state: z
      .enum(['off', 'waiting', 'recording', 'failing'])
      .describe('`waiting`: no complete group of pictures yet. `failing`: the disk accepts nothing.'),
    message: sentence('What is wrong and what to do; empty when all is well.'),
    segments: count('Segments written since the proxy started.'),
    bytes: count('Bytes written since the proxy started.'),
    lost_groups: count('Groups of pictures that were lost because the disk was slow, full or absent.'),
    last_segment: timeOrNull('When the last segment was written. null: none yet.'),
  })
  .meta({ id: 'RecordingStatus', description: 'How the recording of a camera is doing.' });

const passthrough = z
  .strictObject({
    wanted: flag('Whether the stream is to be sent to `rtmp_endpoint`.'),
    state: z
      .enum(['off', 'waiting', 'connecting', 'streaming', 'retrying', 'impossible'])
      .describe('`waiting`: the camera sends nothing. `impossible`: RTMP cannot carry the codec.'),
    since: timeOrNull('When it entered this state.'),
    message: sentence('What is wrong; empty when all is well.'),
    next_attempt: timeOrNull('When the next attempt is made. null: none is planned.'),
    last_error: sentence('The last failure; empty when there was none.'),
    packets: count('Video packets sent since the proxy started.'),
    bytes: count('Bytes sent since the proxy started.'),
    connects: count('Connections opened since the proxy started.'),
    lost_packets: count('Video packets that were skipped because the server was too slow.'),
    last_sent: timeOrNull('When the last bytes were sent. null: never.'),
  })
  .meta({ id: 'PassthroughStatus', description: 'How the passthrough of a camera is doing.' });

const storage = z
  .strictObject({
    wanted: z.boolean().nullable().describe('Whether the cloud is to store the stream. null: it was never switched.'),
    storing: flag('Whether the cloud has confirmed that it stores the stream.'),
    since: timeOrNull('When the cloud confirmed `storing`. null: never.'),
    message: sentence('Why `wanted` and `storing` differ; empty when they do not.'),
    next_attempt: timeOrNull('When the cloud is asked again. null: no attempt is planned.'),
  })
  .meta({ id: 'StorageStatus', description: 'Whether the cloud stores the stream of a camera.' });

const replay = z
  .strictObject({
    camera: z.string().describe('The camera whose recording is played.'),
    from: time('Start of the range.'),
    to: time('End of the range.'),
    speed: z.number().describe('1: as it was recorded.'),
    loop: flag('Whether it restarts at its end.'),
  })
  .nullable()
  .describe('The recorded range that is played. null: this is not a replay.');

const additions = z
  .strictObject({
    phase: z.enum(['created', 'connecting', 'running', 'reconnecting', 'failed', 'stopped']),
    since: time('When the camera entered this phase.'),
    reason: z
      .enum([...CAPTURE_ENDS, 'worker_crashed'])
      .exclude(['stopped'])
      .nullable()
      .describe('[Why the camera is not running](errors.md#why-a-camera-is-not-running). null: it is running.'),
    message: sentence('The reason as a sentence; empty when the camera is running.'),
    failing_streak: count('Failures since the stream last ran for 30 s.'),
    next_attempt: timeOrNull('When the next attempt to connect is made. null: none is planned.'),
    transport: z.enum(TRANSPORTS),
    tls_verify: z.enum(TLS_VERIFY),
    max_pixels: z.int().nullable().describe('null: `camera.max_pixels` of the configuration applies.'),
    open_timeout_ms: z.int(),
    stall_timeout_ms: z.int(),
    decoder_threads: z.int(),
    record: z.boolean().nullable().describe('null: `buffer.on_disk` of the configuration applies.'),
    record_audio: z.boolean(),
    replay,
    stream,
    learned,
    stats,
    recording,
    passthrough,
    storage,
  })
  .describe(
    'The fields that the original does not have. The options are explained at [`POST /api/v1/process`](#addcamera).',
  );

/** A camera in the form that clients of the original read. */
export const streamProcess = z
  .strictObject({
    name: z.string(),
    rtsp_endpoint: z.string().describe('URL of the stream, its password masked as `***`.'),
    rtmp_endpoint: z
      .string()
      .optional()
      .describe('URL of the RTMP server, its password masked. Missing: there is none.'),
    status: z
      .enum(['created', 'running', 'restarting', 'paused', 'exited', 'dead'])
      .describe(
        '`restarting`: connecting, or waiting to. `dead`: a retry cannot help. `exited`: stopped. Never `paused`.',
      ),
    state,
    logs,
    created: time('When the camera was added.'),
    modified: time('When the camera was last changed.'),
    rtmp_stream_status: z.strictObject({
      streaming: flag('Bytes flow to the RTMP server at the moment.'),
      storing: flag('The cloud has confirmed that it stores the stream.'),
    }),
    upgrade_available: z.literal(false),
    chrysproxy: additions,
  })
  .meta({ id: 'StreamProcess', description: 'A camera.' });

export type StreamProcess = z.output<typeof streamProcess>;
