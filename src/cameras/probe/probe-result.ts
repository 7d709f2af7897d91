import type { Clock } from '../../base/clock.js';
import type { LearnedFacts, StreamInfo, Transport } from '../../native/types.js';
import type { ProbeResult, ProbeOptions } from './probe-types.js';
import type { Camera } from '../types.js';

interface Figures {
  readonly fps: number;
  readonly gopPackets: number;
  readonly bytes: number;
  /** Time in which these bytes arrived. */
  readonly watchedMs: number;
}

const POLL_MS = 50;
/** Limits of the time for which a running camera is watched. Within them it is watched for one GOP, to get the exact bit rate. */
const MIN_WATCH_MS = 1000;
const MAX_WATCH_MS = 5000;

export function probeResult(stream: StreamInfo, figures: Figures): Omit<ProbeResult, 'transport' | 'openMs'> {
  return {
    codec: stream.codecName,
    profile: stream.profile,
    width: stream.width,
    height: stream.height,
    pixelFormat: stream.pixelFormat,
    fps: figures.fps,
    gopPackets: figures.gopPackets,
    bitrateKbps: Math.round((figures.bytes * 8) / Math.max(1, figures.watchedMs)),
  };
}

export function transportInUse(configured: Transport, learned: LearnedFacts | undefined): ProbeResult['transport'] {
  if (configured !== 'auto') return configured;
  const { transport = '' } = learned ?? {};
  return transport === '' ? 'tcp' : transport;
}

/** Probes the stream of a running camera without a connection of its own. Undefined: the camera no longer runs. */
export async function probeOfCamera(
  camera: Camera,
  options: ProbeOptions,
  clock: Clock,
): Promise<ProbeResult | undefined> {
  const startMs = clock.monotonicMs();
  const startBytes = camera.stats.bytes;
  const elapsedMs = (): number => clock.monotonicMs() - startMs;
  const isKnown = (): boolean => {
    const { gopPackets, fps } = camera.stats;
    const gopMs = fps > 0 ? (gopPackets / fps) * 1000 : MAX_WATCH_MS;
    const watchMs = Math.min(Math.max(gopMs, MIN_WATCH_MS), MAX_WATCH_MS);
    return elapsedMs() >= watchMs && (camera.stream?.width ?? 0) > 0 && gopPackets > 0;
  };
  while (!isKnown() && elapsedMs() < options.timeoutMs && camera.state.phase === 'running') {
    if (options.signal?.aborted === true) break;
    await new Promise<void>((resolve) => clock.after(POLL_MS, resolve));
  }
  const { definition, state, stats, stream, learned } = camera;
  if (stream === undefined || state.phase !== 'running') return undefined;
  const { fps, gopPackets, bytes } = stats;
  return {
    ...probeResult(stream, { fps, gopPackets, bytes: bytes - startBytes, watchedMs: elapsedMs() }),
    transport: transportInUse(definition.transport, learned),
    openMs: 0,
    camera: definition.name,
  };
}
