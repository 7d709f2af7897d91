import { z } from 'zod';
import * as value from './values.js';

/** Schemes of camera URLs that this version can open. */
export const KNOWN_SCHEMES = ['rtsp', 'rtsps', 'file', 'replay'] as const;
export type SourceScheme = (typeof KNOWN_SCHEMES)[number];

/** Subjects of the events that are sent to the webhook. */
export const WEBHOOK_EVENTS = ['camera', 'recording', 'annotations', 'passthrough', 'redis'] as const;

/** Which frames are published to Redis. `demand`: only frames that a program requests through Redis. */
export const PUBLISHED_FRAMES = ['off', 'demand', 'keyframes', 'interval', 'all'] as const;

/** How RTP packets are received. */
export const TRANSPORTS = ['auto', 'tcp', 'udp'] as const;
/** How the certificate of an rtsps camera is checked. */
export const TLS_VERIFY = ['verify', 'pin', 'none'] as const;

const MIB = 1_048_576;
const GIB = 1024 * MIB;

const camera = z.strictObject({
  transport: z
    .enum(TRANSPORTS)
    .default('auto')
    .meta({
      description:
        'How RTP packets are received. `tcp` loses no packets and passes firewalls. `auto` uses `tcp`, and changes to ' +
        '`udp` when the camera refuses TCP or sends nothing over it; the transport that worked is stored for each camera.',
    }),
  tls_verify: z
    .enum(TLS_VERIFY)
    .default('pin')
    .meta({
      description:
        'How the certificate of an `rtsps` camera is checked. `verify`: it must be valid for this host and signed by a CA ' +
        'of this system. `pin`: the first certificate is stored, and any other is refused; suits cameras with a ' +
        'self-signed certificate. `none`: it is not checked.',
    }),
  max_pixels: value
    .integer(1024, 16_384 * 16_384)
    .default(8192 * 4320)
    .meta({
      description:
        'Maximum number of pixels of a picture, width times height. A camera with larger pictures is refused with the ' +
        'reason `too_many_pixels`, before memory is allocated. The default is 8192 x 4320.',
    }),
  open_timeout_ms: value.integer(500, 120_000).default(10_000).meta({
    description: 'Timeout for opening a stream, in milliseconds.',
  }),
  stall_timeout_ms: value
    .integer(500, 600_000)
    .default(5000)
    .meta({
      description:
        'Minimum time without a picture, in milliseconds, after which the connection is closed and opened again. The ' +
        'limit is longer for a slow camera: three times the usual gap between its pictures, and at least 15 s until that ' +
        'gap has been measured.',
    }),
  decoder_threads: value.integer(1, 16).default(1).meta({
    description:
      'Number of threads that decode one camera. Each thread above 1 adds a delay of one frame and helps only above 4K.',
  }),
});

const sources = z.strictObject({
  schemes: z
    .array(z.enum(KNOWN_SCHEMES))
    .min(1)
    .optional()
    .meta({
      description:
        'Schemes that a camera URL may have. `replay` plays a recorded range of another camera. Unset: rtsp, rtsps and ' +
        'replay; file is allowed as well while `host` is a loopback address.',
      examples: [['rtsp', 'rtsps']],
    }),
});

const tls = z.strictObject({
  cert: value.text.default('').meta({
    description:
      'Path of a PEM file with the certificate of this proxy, followed by its intermediate certificates. A relative path ' +
      'starts in the data directory. With `cert` and `key` set, REST, the page and gRPC accept only TLS. Renewed files ' +
      'are read without a restart. Empty: no TLS.',
  }),
  key: value.text.default('').meta({
    description: 'Path of a PEM file with the private key of `cert`, without a passphrase.',
  }),
  client_ca: value.text.default('').meta({
    description: 'Path of a PEM file with the CA that signs client certificates.',
  }),
  require_client_cert: z
    .union([z.boolean(), z.enum(['grpc', 'rest'])])
    .default(false)
    .meta({
      description:
        'Where clients must show a certificate that `client_ca` has signed: everywhere, or on one interface.',
    }),
});

const redis = z.strictObject({
  connection: value.hostAndPort.default('').meta({
    description: 'Address of a Redis server that other programs share. Empty: Redis is not used.',
  }),
  database: value.integer(0, 1_000_000).default(0).meta({
    description: 'Number of the Redis database.',
  }),
  password: value.text.default('').meta({
    description: 'Password of the Redis server. Empty: no password.',
  }),
  prefix: value.redisName.default('chrysproxy').meta({
    description:
      'Prefix of the Redis keys of this proxy, as in `<prefix>:events`. Proxies that share a Redis need different ' +
      'prefixes.',
  }),
  annotation_queue: value.redisName.default('chrysproxy').meta({
    description:
      'Name of the annotation queue. Proxies with the same Redis and the same name share one queue, ' +
      '`<name>:annotations`; they need the same `annotation.endpoint` and edge key.',
  }),
  publish_frames: z
    .enum(PUBLISHED_FRAMES)
    .default('off')
    .meta({
      description:
        'Which frames are published to Redis. Each camera has a stream named after it. `demand`: frames are published only ' +
        'while a program requests them in `last_access_time_<camera>`. `keyframes`, `interval` (one every ' +
        '`publish_interval_ms`) and `all` are published without a request. A frame of 1920x1080 has 6 MB, and Redis keeps ' +
        'ten frames of each camera.',
    }),
  publish_interval_ms: value.integer(40, 3_600_000).default(1000).meta({
    description: 'Time between two published frames, in milliseconds, when `publish_frames` is `interval`.',
  }),
});

const api = z.strictObject({
  endpoint: value.httpUrl.default('https://api.chryscloud.com').meta({
    description: 'URL of the cloud service that switches cloud storage on and off.',
  }),
});

const annotation = z.strictObject({
  mode: z.enum(['cloud', 'local']).default('cloud').meta({
    description:
      '`cloud`: annotations are stored on disk and sent to `endpoint`. `local`: they are stored and never sent.',
  }),
  endpoint: value.httpUrl.default('https://event.chryscloud.com/api/v1/annotate').meta({
    description: 'URL that receives annotations: the cloud, or a program of your own that accepts the signed format.',
  }),
  unacked_limit: value.integer(1, 1_000_000).default(1000).meta({
    description: 'Maximum number of annotations that are sent but not yet acknowledged.',
  }),
  poll_duration_ms: value.integer(1, 3_600_000).default(300).meta({
    description: 'Maximum time that a batch waits to be filled before it is sent, in milliseconds.',
  }),
  max_batch_size: value.integer(1, 100_000).default(299).meta({
    description: 'Maximum number of annotations in a batch. A batch is also full at 1 MiB.',
  }),
  timeout_ms: value.integer(1000, 600_000).default(30_000).meta({
    description: 'Timeout of a request to `endpoint`, in milliseconds, including at most 10 s to connect.',
  }),
  max_queue: value
    .integer(1, 100_000_000)
    .default(1_000_000)
    .meta({
      description:
        'Maximum number of annotations that wait for `endpoint` or that it refused. Further annotations are refused with ' +
        '`RESOURCE_EXHAUSTED`.',
    }),
  keep: value.duration.default('7d').meta({
    description:
      'How long annotations can be queried after delivery, or after their arrival in local mode. At most the newest ' +
      '1000000 are kept.',
  }),
  evidence_max_ms: value
    .integer(1, 600_000)
    .default(60_000)
    .meta({
      description:
        'Maximum length of the clip that an annotation requests as evidence, in milliseconds: the sum of ' +
        '`evidence_before_ms` and `evidence_after_ms`.',
    }),
  evidence_max_bytes: value
    .integer(MIB, Number.MAX_SAFE_INTEGER)
    .default(GIB)
    .meta({
      description:
        'Maximum size of all stored evidence, in bytes. Above it, the evidence of the oldest delivered annotations is ' +
        'removed.',
    }),
  send_evidence: z
    .boolean()
    .default(false)
    .meta({
      description:
        'Sends evidence together with its annotation, as multipart/form-data. An annotation then waits for its evidence, ' +
        'and the later annotations of the same camera wait behind it.',
    }),
});

const webhook = z.strictObject({
  url: value.optionalHttpUrl.default('').meta({
    description: 'URL that events are posted to, signed with the edge key like annotations. Empty: no webhook.',
  }),
  events: z
    .array(z.enum(WEBHOOK_EVENTS))
    .min(1)
    .default([...WEBHOOK_EVENTS])
    .meta({ description: 'Subjects of the events that are posted.' }),
  max_queue: value.integer(1, 1_000_000).default(10_000).meta({
    description: 'Maximum number of events that wait to be sent. Further events are dropped and counted.',
  }),
  timeout_ms: value.integer(1000, 600_000).default(10_000).meta({
    description: 'Timeout of a request to `url`, in milliseconds, including at most 10 s to connect.',
  }),
});

const buffer = z.strictObject({
  in_memory: value
    .integer(1, 100_000)
    .default(1)
    .meta({
      description:
        'Minimum number of newest frames of each camera that are kept in memory for `VideoBufferedImage`, compressed and ' +
        'in whole GOPs. 10 seconds at 25 frames per second are 250.',
    }),
  in_memory_max_bytes: value
    .integer(MIB, 4 * GIB)
    .default(64 * MIB)
    .meta({
      description:
        'Maximum memory for these frames, in bytes for each camera. It overrides `in_memory`; `VideoProbe` then reports ' +
        '`limited`. Memory is allocated only when it is needed.',
    }),
  in_memory_scale: value.scale.default('-1:-1').meta({
    description:
      'Size of buffered frames when a request names none. -1 keeps the aspect ratio; -2 keeps it and rounds to an even ' +
      'number; "-1:-1" does not scale.',
  }),
  on_disk: z
    .boolean()
    .default(false)
    .meta({
      description:
        'Records every camera that has no setting of its own: each GOP becomes an mp4 file. For a recorded camera, memory ' +
        'keeps at least 250 frames, so that a slow disk loses none.',
    }),
  on_disk_folder: z
    .string()
    .min(1)
    .optional()
    .meta({
      description:
        'Folder of the segments. A relative path starts in the data directory. Unset: `archive` in the data directory.',
      examples: ['/data/chrysalis/archive'],
    }),
  on_disk_clean_older_than: value.duration.default('5m').meta({
    description: 'Segments older than this are deleted, except those that a clip protects.',
  }),
  on_disk_schedule: value.schedule.default('@every 5m').meta({
    description: 'When old segments are deleted, in local time.',
  }),
  on_disk_max_bytes: value.byteLimit.default(0).meta({
    description: 'Maximum size of the segments of one camera, in bytes. Above it, the oldest are deleted. 0: no limit.',
  }),
  on_disk_max_bytes_total: value.byteLimit.default(0).meta({
    description:
      'Maximum size of the segments of all cameras together, in bytes. Above it, the oldest are deleted. 0: no limit.',
  }),
  on_disk_min_free_bytes: value.byteLimit.default(0).meta({
    description:
      'Minimum free space on the disk of the folder, in bytes. Below it, the oldest segments are deleted. 0: no limit.',
  }),
  segment_min_ms: value
    .integer(0, 600_000)
    .default(0)
    .meta({
      description:
        'Minimum length of a segment, in milliseconds: GOPs are joined until it is reached, at most half of what memory ' +
        'keeps of the camera. Useful for cameras with many keyframes. 0: one segment for each GOP.',
    }),
});

/**
 * Every key of conf.yaml with its default and description. `npm run gen` writes config/default.yaml and
 * docs/reference/config.md from it.
 */
export const configSchema = z.strictObject({
  version: z
    .union([z.string(), z.number().transform(String)])
    .default('')
    .meta({ description: 'Version of this configuration, for the people who maintain it.' }),
  title: value.text.default('').meta({ description: 'Name of this proxy, for people who run several.' }),
  description: value.text.default('').meta({ description: 'Notes of the people who run this proxy.' }),
  mode: z.enum(['release', 'debug']).default('release').meta({ description: '`debug` writes more to the log.' }),
  host: value.host.default('127.0.0.1').meta({
    description:
      'Address that REST and gRPC listen on. 127.0.0.1 serves local programs only. 0.0.0.0 or :: serves every machine ' +
      'that can reach this one; then set `tls.require_client_cert`, or use a firewall.',
  }),
  port: value.port.default(8080).meta({
    description: 'TCP port of REST and the page. 0: the system chooses a free port.',
  }),
  grpc_port: value.port.default(50001).meta({
    description: 'TCP port of gRPC. 0: the system chooses a free port.',
  }),
  max_cameras: value.integer(1, 4096).default(256).meta({ description: 'Maximum number of cameras.' }),
  camera: camera.prefault({}).meta({
    description: 'Options of cameras that are added without values of their own.',
  }),
  sources: sources.prefault({}).meta({ description: 'Which sources cameras may use.' }),
  tls: tls.prefault({}).meta({ description: 'TLS of REST, the page and gRPC.' }),
  redis: redis.prefault({}).meta({ description: 'A Redis server that other programs share.' }),
  api: api.prefault({}).meta({ description: 'The cloud service.' }),
  annotation: annotation.prefault({}).meta({ description: 'Annotations and their evidence.' }),
  webhook: webhook.prefault({}).meta({ description: 'Events that are posted to a URL.' }),
  buffer: buffer.prefault({}).meta({ description: 'History in memory, and recording on disk.' }),
});

type Frozen<T> = T extends object ? { readonly [K in keyof T]: Frozen<T[K]> } : T;

/** The configuration in use: checked, with defaults, frozen. Its keys are those of conf.yaml. */
export type Config = Frozen<z.output<typeof configSchema>>;
