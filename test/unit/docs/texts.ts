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
