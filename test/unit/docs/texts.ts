import type { ErrorKind } from '../../../src/base/errors.js';
import type { CameraReason } from '../../../src/cameras/types.js';

/** What docs/reference says about each kind of error. */
export const KIND_TEXTS: Readonly<Record<ErrorKind, string>> = {
  invalid_argument: 'A value is not allowed. The message names the field or key, the value and what is allowed.',
  unauthenticated: 'A stream that was probed wants another user name or password.',
  permission_denied:
    'The caller may not do that: a page of another site tried to change something, the cloud refuses the edge key, or the user of a probed stream may not view it.',
  not_found: 'There is no camera of that name, no such clip or file, or nothing recorded there.',
  already_exists: 'There is a camera or clip of that name already. Remove it first, or choose another name.',
  failed_precondition: 'Something else has to be put right first; the message says what.',
  payload_too_large: 'The body of the request is too long.',
  resource_exhausted:
    'A limit is reached: cameras, waiting snapshots, waiting annotations, the disk. Remove something, or try again later.',
  internal: 'A fault of the proxy. Its log has the details; please report it.',
  unimplemented: 'This version cannot do that.',
  unavailable:
    'The camera is not connected, the cloud does not answer, the proxy is starting or stopping, evidence is still being made, or the disk does not answer. Try again later.',
  deadline_exceeded: 'The camera is connected and gave no frame in time, or an annotation was not stored in time.',
};

interface ReasonText {
  readonly meaning: string;
  readonly advice: string;
}

/** What docs/reference says about each reason for which a camera is not running. */
export const REASON_TEXTS: Readonly<Record<CameraReason, ReasonText>> = {
  unauthorized: {
    meaning:
      'The camera refused the user name or the password of its URL (401). Retried after 5, 15 and then every 30 min.',
    advice:
      'Check both, then add the camera again or use `chrysproxy camera retry`, which tries at once. Many cameras lock an account after about five wrong passwords.',
  },
  credentials_needed: {
    meaning:
      'The camera wants a user name and a password, and its URL has none (401). Retried after 1, 5 and then every 15 min.',
    advice: 'Add it again with `rtsp://user:password@host/path`.',
  },
  auth_unsupported: {
    meaning:
      'The camera offers no authentication scheme that the proxy knows (401). Retried after 1, 5 and then every 15 min.',
    advice: 'Choose Digest or Basic authentication for RTSP in the camera.',
  },
  forbidden: {
    meaning: 'The user may not view this stream (403). Retried after 5, 15 and then every 30 min.',
    advice: 'Give the user the right to view live video, or use another user.',
  },
  not_found: {
    meaning:
      'The camera has no such path (404), or there is no such file, or of a replay nothing is recorded. Retried after 10, 30 and then every 60 s.',
    advice: "Check the URL's path with the camera's manual; of a replay, see `chrysproxy recordings list`.",
  },
  refused: {
    meaning: 'Nothing listens on that port.',
    advice: 'Check the port, and that RTSP is switched on in the camera.',
  },
  unreachable: { meaning: 'There is no route to that address.', advice: 'Check the network and the address.' },
  unknown_host: {
    meaning: 'The host name does not resolve.',
    advice: 'Check its spelling and the DNS, or use the address.',
  },
  open_timeout: {
    meaning: 'The stream was not open within `open_timeout_ms`.',
    advice: 'See whether the camera answers other players; raise the limit if it is only slow.',
  },
  stalled: {
    meaning:
      'The connection stood, and no picture came for the stall limit: `stall_timeout_ms`, or three times the usual gap if that is longer. `stats.stall_limit_ms` shows it.',
    advice: 'Check the camera and the network; raise the limit for a camera that sends pictures only now and then.',
  },
  decode_stalled: {
    meaning: 'Packets came, and the decoder made no frame of them.',
    advice: 'Look at the log of the camera; the stream may be damaged, or without keyframes.',
  },
  connection_lost: {
    meaning: 'The camera closed or reset the connection.',
    advice: 'Nothing, if it stays rare: it is connected again. Else check how many viewers the camera allows.',
  },
  no_video: { meaning: 'The session has no video stream.', advice: 'Use the URL of a stream with video.' },
  session_limit: {
    meaning: 'The camera allows no further session (453). Retried after 5 s and then every 10 s.',
    advice: 'Stop the other client. A session that nobody ended expires by itself, with most cameras after a minute.',
  },
  session_lost: {
    meaning: 'The camera does not know the session any more (454).',
    advice: 'Nothing, if it stays rare. Otherwise see whether the camera restarts.',
  },
  transport_refused: {
    meaning: 'The camera refuses the transport (461).',
    advice: 'Set `transport` to `auto`, or to the other one of `tcp` and `udp`.',
  },
  option_unsupported: {
    meaning: 'The camera refuses an option that the stream needs (551).',
    advice: 'Update its firmware, and report it with the log.',
  },
  request_refused: {
    meaning: 'The camera answered a request with another status from 400 to 499; the message has it.',
    advice: 'Check the path of the URL.',
  },
  camera_error: {
    meaning: 'The camera answered with a status from 500 on.',
    advice: 'Restart the camera if it comes again and again; see how many viewers it has.',
  },
  tls_failed: {
    meaning: 'The TLS handshake with an `rtsps` camera failed.',
    advice: 'Check that the port speaks TLS, or use `rtsp://`.',
  },
  certificate_untrusted: {
    meaning: '`tls_verify` is `verify`, and the certificate is not valid for this host. Retried every 60 s.',
    advice: 'Install a valid certificate in the camera, or set `tls_verify` to `pin`.',
  },
  certificate_changed: {
    meaning: '`tls_verify` is `pin`, and the certificate is another one than before. Retried every 60 s.',
    advice:
      'If the certificate was renewed: `chrysproxy camera retry NAME --forget`. Otherwise find out what answers in place of the camera.',
  },
  encrypted_media: {
    meaning: 'The camera offers only encrypted RTP (SRTP).',
    advice: 'Switch SRTP off in the camera (`enableSrtp`), or use `rtsps://`.',
  },
  keepalive: {
    meaning: 'The camera ends the session again and again after the same time. The next keepalive method is tried.',
    advice: 'Report the model of the camera if it does not stop.',
  },
  no_data: {
    meaning: 'The session is open, and no RTP packet ever came.',
    advice: 'Set `transport` to `tcp` if a firewall drops UDP; restart the camera.',
  },
  too_many_redirects: {
    meaning: 'The camera redirected more than three times.',
    advice: 'Use the address that it redirects to.',
  },
  message_too_large: {
    meaning:
      'A header, a session description or a body exceeds its limit. Retried after 10 s, and later up to every 15 min; 10 min of health begin this anew.',
    advice: 'Check that the port is the one for RTSP; restart the camera.',
  },
  picture_too_large: {
    meaning: 'A compressed picture exceeds its limit. Retried as for `message_too_large`.',
    advice: 'Lower the bit rate or the resolution.',
  },
  too_many_pixels: {
    meaning: 'The pictures have more pixels than `max_pixels`. Retried every 60 s.',
    advice: 'Lower the resolution, or raise `max_pixels` of the camera or of the configuration.',
  },
  flood: {
    meaning: 'The camera sends more messages or packets than any stream needs. Retried as for `message_too_large`.',
    advice: 'Restart the camera.',
  },
  file_not_found: {
    meaning: 'The file of a `file:` camera is not there.',
    advice: 'Check its path, and that its disk is mounted. It is looked for again.',
  },
  file_unreadable: {
    meaning: 'The file is empty, cut off, no video file, without a video track, or may not be read.',
    advice: 'Check with ffprobe that it is a whole video file, and its permissions.',
  },
  file_changed: {
    meaning: 'The file was deleted, replaced, cut off or written to while it was played.',
    advice: 'Nothing: it is opened again. Replace files by renaming complete ones.',
  },
  replay_ended: {
    meaning: 'A replay came to the end of its range. Not retried.',
    advice: 'Remove it and add it again to play it once more, or with loop=true.',
  },
  unsupported_codec: {
    meaning: 'There is no decoder for its codec. Not retried.',
    advice: 'Set the camera to H.264 or HEVC, then remove it and add it again.',
  },
  protocol_error: {
    meaning: 'The answer was no RTSP.',
    advice: 'Check that the port is the one for RTSP.',
  },
  io_error: {
    meaning: 'Something else; the message has the details.',
    advice: 'Look at the log of the camera.',
  },
  worker_crashed: {
    meaning: "The thread that serves this camera ended unexpectedly. It is started again; other cameras don't notice.",
    advice: 'Please report it with the log.',
  },
};

/** Statuses of HTTP alone, which no kind of error maps to. */
export const HTTP_TEXTS: Readonly<Record<number, string>> = {
  405: 'The route does not know this method; `Allow` names those that it knows.',
  408: 'The request did not arrive in time.',
  416: 'The file ends before the range that is asked for; `Content-Range` tells its length.',
  431: 'The headers are too long.',
};

/** What docs/reference says about each key of the configuration: its meaning and the values that are allowed. */
export const KEY_TEXTS: Readonly<Record<string, string>> = {
  version: 'free text or a number',
  title: 'free text',
  description: 'free text',
  mode: '`release` or `debug`; debug logs more',
  host: 'address or name to listen on, for REST and gRPC; `0.0.0.0` or `::` = every address of this machine',
  port: 'TCP port of REST, 0 to 65535; 0 = any free one',
  grpc_port: 'TCP port of gRPC, 0 to 65535; 0 = any free one',
  max_cameras: 'most cameras, 1 to 4096',
  'camera.transport':
    '`auto`, `tcp` or `udp`: how RTP comes in; auto: TCP, and UDP when the camera refuses TCP or sends nothing over it',
  'camera.tls_verify':
    '`verify`, `pin` or `none`: how the certificate of an `rtsps` camera is checked; pin: the first one is kept, and another one is refused',
  'camera.max_pixels':
    'maximum width times height of a picture, 1024 to 268435456, for all cameras that have no limit of their own; larger pictures are refused',
  'camera.open_timeout_ms': 'timeout for opening a stream, milliseconds, 500 to 120000',
  'camera.stall_timeout_ms':
    'minimum time without a picture that counts as a stall, milliseconds, 500 to 600000; the limit in force is three times the usual gap if that is longer, and at least 15 s until the gap is known',
  'camera.decoder_threads': 'threads that decode one camera, 1 to 16',
  'sources.schemes':
    'list of `rtsp`, `rtsps`, `file`, `replay`: what camera URLs may begin with. Unset: rtsp, rtsps and replay, and file while `host` is a loopback address',
  'tls.cert': 'path of a PEM file: the certificate of REST, the page and gRPC, which then speak TLS; empty = plaintext',
  'tls.key': 'path of a PEM file: its key, without a passphrase',
  'tls.client_ca': 'path of a PEM file: the CA of the certificates of clients',
  'tls.require_client_cert': '`true`, `false`, `grpc` or `rest`: where a client must show a certificate of that CA',
  'webhook.url': '`http://` or `https://` URL that events are posted to, or empty for none',
  'webhook.events': 'what they are about: a list of `camera`, `recording`, `annotations`, `passthrough`, `redis`',
  'webhook.max_queue': 'most events that wait for it, 1 to 1000000; more are lost and counted',
  'webhook.timeout_ms': 'longest time of one request, 1000 to 600000',
  'redis.connection': '`host:port`, or empty for none',
  'redis.database': 'number of the database, from 0',
  'redis.password': 'text',
  'redis.prefix':
    'what the keys of this proxy begin with, 1 to 64 of `A-Z a-z 0-9 . _ -`; another one for each proxy that shares a Redis',
  'redis.annotation_queue':
    'proxies with the same Redis and name share one queue of annotations, `<name>:annotations`; same endpoint and key',
  'redis.publish_frames':
    '`off`, `demand` (what programs ask for in Redis), `keyframes`, `interval` or `all`: which frames of all cameras go to Redis',
  'redis.publish_interval_ms': 'of `publish_frames: interval`, 40 to 3600000',
  'api.endpoint': 'http or https URL of the cloud service that switches storage on and off',
  'annotation.endpoint': 'http or https URL that takes annotations',
  'annotation.unacked_limit': 'most annotations sent and not acknowledged, 1 to 1000000',
  'annotation.poll_duration_ms': 'longest wait before a batch goes that is not full, 1 to 3600000',
  'annotation.max_batch_size': 'most annotations in a batch, 1 to 100000; it is also full at 1 MiB',
  'annotation.mode': '`cloud`: they are sent to `endpoint`; `local`: they are only kept',
  'annotation.max_queue': 'most that wait or were refused by the endpoint, 1 to 100000000; then RESOURCE_EXHAUSTED',
  'annotation.keep':
    'how long delivered and local ones can be asked for: `30s`, `5m`, `2h`, `1d`, `1w`; at most the newest 1000000',
  'annotation.timeout_ms': 'longest time for one request to the endpoint, 1000 to 600000; 10 s of it to connect',
  'annotation.evidence_max_ms': 'longest clip that an annotation may ask for, milliseconds, 1 to 600000',
  'annotation.evidence_max_bytes':
    'most bytes of all evidence, from 1048576; the oldest of delivered annotations is removed beyond that',
  'annotation.send_evidence': '`true` or `false`: whether evidence is sent with its annotation',
  'buffer.in_memory': 'newest frames of a camera that are kept at least, compressed, 1 to 100000',
  'buffer.in_memory_max_bytes':
    'most memory for them, bytes of each camera, 1048576 to 4294967296; wins over `in_memory`',
  'buffer.in_memory_scale':
    'their size when a request names none, `width:height`: pixels, -1 (keep the aspect), `iw`, `ih/2` …',
  'buffer.on_disk': '`true` or `false`: whether cameras are recorded that do not say so themselves',
  'buffer.on_disk_folder': 'folder of the recordings, relative to the data directory. Unset: `archive`',
  'buffer.on_disk_clean_older_than': 'age at which recorded files are deleted: `30s`, `5m`, `2h`, `1d`, `1w`',
  'buffer.on_disk_schedule':
    'when they are looked for: `@every <duration>`, a cron pattern of 5 or 6 fields, or `@daily` …, in local time',
  'buffer.on_disk_max_bytes': 'most bytes of the files of one camera, 0 = no limit; the oldest are deleted',
  'buffer.on_disk_max_bytes_total': 'the same of all cameras together',
  'buffer.on_disk_min_free_bytes': 'bytes that stay free on their disk, 0 = no limit; the oldest are deleted',
  'buffer.segment_min_ms':
    'groups of pictures are joined until a file is so long, 0 to 600000; at most half of what memory keeps',
};
