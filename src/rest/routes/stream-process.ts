import { redact, redactUrl } from '../../base/redact.js';
import { STATUS_OF_PHASE } from '../../cameras/status/container-status.js';
import type { Camera, CameraDefinition, CameraState, CameraStats, LogLine } from '../../cameras/types.js';
import type { LearnedFacts, StreamInfo } from '../../native/types.js';
import type { PassthroughStatus } from '../../passthrough/types.js';
import type { RecordingStatus } from '../../recording/types.js';
import type { StorageStatus } from '../../cloud-storage/types.js';
import type { StreamProcess } from '../route-table/stream-process.js';

type Additions = StreamProcess['chrysproxy'];

/** The zero time of Go, which clients of the original take for "never". */
const NEVER = '0001-01-01T00:00:00Z';

/** How the services that use a camera's stream are doing. */
export interface CameraServices {
  readonly recording: RecordingStatus;
  readonly passthrough: PassthroughStatus;
  readonly storage: StorageStatus;
}

/**
 * A camera in the form that clients of the original read, with the fields that only this proxy has under `chrysproxy`.
 * Passwords are masked. `logs: false` leaves the logs empty, because masking a hundred lines of each camera takes too long
 * for a client that asks often.
 */
export function streamProcessOf(
  camera: Camera,
  services: CameraServices,
  { logs = true }: { readonly logs?: boolean } = {},
): StreamProcess {
  const { definition } = camera;
  return {
    name: definition.name,
    rtsp_endpoint: redactUrl(definition.rtspEndpoint),
    ...(definition.rtmpEndpoint === undefined ? {} : { rtmp_endpoint: redactUrl(definition.rtmpEndpoint) }),
    status: STATUS_OF_PHASE[camera.state.phase],
    state: containerStateOf(camera.state),
    logs: logsOf(logs ? camera.log : []),
    created: definition.createdMs,
    modified: definition.modifiedMs,
    rtmp_stream_status: { streaming: services.passthrough.streaming, storing: services.storage.storing },
    upgrade_available: false,
    chrysproxy: additionsOf(camera, services),
  };
}

function containerStateOf(state: CameraState): StreamProcess['state'] {
  const status = STATUS_OF_PHASE[state.phase];
  return {
    Status: status,
    Running: status === 'running',
    Paused: false,
    Restarting: status === 'restarting',
    OOMKilled: false,
    Dead: status === 'dead',
    Pid: process.pid,
    ExitCode: status === 'dead' ? 1 : 0,
    Error: redact(state.message),
    StartedAt: timeOf(state.lastConnectedMs),
    FinishedAt: timeOf(state.lastDisconnectedMs),
  };
}

function logsOf(lines: readonly LogLine[]): StreamProcess['logs'] {
  return {
    stdout: logText(lines.filter((line) => line.level === 'info' || line.level === 'debug')),
    stderr: logText(lines.filter((line) => line.level === 'warn' || line.level === 'error')),
  };
}

function additionsOf(camera: Camera, { recording, passthrough, storage }: CameraServices): Additions {
  const { definition, source, state, stats, stream, learned } = camera;
  return {
    phase: state.phase,
    since: state.sinceMs,
    reason: state.reason ?? null,
    message: redact(state.message),
    failing_streak: state.failingStreak,
    next_attempt: state.nextAttemptMs ?? null,
    ...optionsOf(definition),
    replay: replayAnswer(source),
    stream: stream === undefined ? null : streamAnswer(stream),
    learned: learned === undefined ? null : learnedAnswer(learned),
    stats: statsAnswer(stats),
    recording: recordingAnswer(recording),
    passthrough: passthroughAnswer(passthrough),
    storage: storageAnswer(storage),
  };
}

function optionsOf(definition: CameraDefinition) {
  return {
    transport: definition.transport,
    tls_verify: definition.tlsVerify,
    max_pixels: definition.maxPixels ?? null,
    open_timeout_ms: definition.openTimeoutMs,
    stall_timeout_ms: definition.stallTimeoutMs,
    decoder_threads: definition.decoderThreads,
    record: definition.record ?? null,
    record_audio: definition.recordAudio,
  };
}

function streamAnswer(stream: StreamInfo): Additions['stream'] {
  return {
    codec: stream.codecName,
    codec_long_name: stream.codecLongName,
    profile: stream.profile,
    width: stream.width,
    height: stream.height,
    pixel_format: stream.pixelFormat,
    declared_fps: stream.declaredFps,
  };
}

function statsAnswer(stats: CameraStats): Additions['stats'] {
  return {
    packets: stats.packets,
    keyframes: stats.keyframeCount,
    bytes: stats.bytes,
    frames_decoded: stats.framesDecoded,
    frames_published: stats.framesPublished,
    frames_corrupt: stats.framesCorrupt,
    frames_dropped: stats.framesDropped,
    decode_errors: stats.decodeErrors,
    packets_damaged: stats.packetsDamaged,
    decode_us: stats.decodeUs,
    convert_us: stats.convertUs,
    reconnects: stats.reconnects,
    fps: stats.fps,
    gop_packets: stats.gopPackets,
    stall_limit_ms: known(stats.stallLimitMs),
    last_packet: known(stats.lastPacketMs),
    last_frame: known(stats.lastFrameMs),
    last_error: redact(stats.lastError),
    decoding: stats.decoding,
    callers: stats.callers,
  };
}

function recordingAnswer(recording: RecordingStatus): Additions['recording'] {
  return {
    wanted: recording.wanted,
    state: recording.state,
    message: recording.message,
    segments: recording.segments,
    bytes: recording.bytes,
    lost_groups: recording.lostGroups,
    last_segment: known(recording.lastSegmentMs),
  };
}

function passthroughAnswer(passthrough: PassthroughStatus): Additions['passthrough'] {
  return {
    wanted: passthrough.wanted,
    state: passthrough.state,
    since: known(passthrough.sinceMs),
    message: passthrough.message,
    next_attempt: passthrough.nextAttemptMs ?? null,
    last_error: passthrough.lastError,
    packets: passthrough.packets,
    bytes: passthrough.bytes,
    connects: passthrough.connects,
    lost_packets: passthrough.lost,
    last_sent: known(passthrough.lastSentMs),
  };
}

function storageAnswer(storage: StorageStatus): Additions['storage'] {
  return {
    wanted: storage.wanted ?? null,
    storing: storage.storing,
    since: known(storage.storingSinceMs),
    message: storage.message,
    next_attempt: storage.nextAttemptMs ?? null,
  };
}

/** The session is left out: a program that knows its id and the camera's address can end it. */
function learnedAnswer(learned: LearnedFacts): Additions['learned'] {
  const { transport, keepalive, authentication, certificate } = learned;
  return {
    transport: transport === '' ? null : transport,
    keepalive: keepalive === '' ? null : keepalive,
    authentication: authentication === '' ? null : redact(authentication),
    certificate: certificate === '' ? null : certificate,
    usual_gap_ms: known(learned.usualGapMs),
    without_receiver_reports: learned.withoutReceiverReports,
    marks_every_slice: learned.marksEverySlice,
    sequence_unreliable: learned.sequenceUnreliable,
    jpeg_size: learned.jpegWidth === 0 ? null : { width: learned.jpegWidth, height: learned.jpegHeight },
  };
}

/** null: this is not a replay. */
function replayAnswer(source: Camera['source']): Additions['replay'] {
  if (source?.kind !== 'replay') return null;
  return { camera: source.camera, from: source.fromMs, to: source.toMs, speed: source.speed, loop: source.loop };
}

/** 0 means that the value is not known. */
function known(ms: number): number | null {
  return ms === 0 ? null : ms;
}

function timeOf(ms: number | undefined): string {
  return ms === undefined ? NEVER : new Date(ms).toISOString();
}

function logText(lines: readonly LogLine[]): string {
  const text = lines.map((line) => `${new Date(line.timeMs).toISOString()} ${line.level} ${redact(line.text)}\n`);
  return Buffer.from(text.join('')).toString('base64');
}
