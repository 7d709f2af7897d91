import type { Clock } from '../../base/clock.js';
import type { LearnedFacts, StreamInfo, Transport } from '../../native/types.js';
import type { ProbeResult, ProbeOptions } from './probe-types.js';
import type { Camera } from '../types.js';

interface Figures {
  readonly fps: number;
  readonly gopPackets: number;
  readonly bytes: number;
  /** Time in which these bytes came. */
  readonly watchedMs: number;
}

const POLL_MS = 50;
/** Limits of the time for which a running camera is watched: one group of pictures, so that its bit rate is right. */
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

export function transportInUse(wanted: Transport, learned: LearnedFacts | undefined): ProbeResult['transport'] {
  if (wanted !== 'auto') return wanted;
  const { transport = '' } = learned ?? {};
  return transport === '' ? 'tcp' : transport;
}

/** Probes the stream of a running camera without another connection to it. Undefined: the camera does not run any more. */
export async function probeOfCamera(
  camera: Camera,
  wish: ProbeOptions,
  clock: Clock,
): Promise<ProbeResult | undefined> {
  const startMs = clock.monotonicMs();
  const startBytes = camera.stats.bytes;
  const elapsedMs = (): number => clock.monotonicMs() - startMs;
  const isKnown = (): boolean => {
    const { gopPackets, fps } = camera.stats;
    const groupMs = fps > 0 ? (gopPackets / fps) * 1000 : MAX_WATCH_MS;
    const watchMs = Math.min(Math.max(groupMs, MIN_WATCH_MS), MAX_WATCH_MS);
    return elapsedMs() >= watchMs && (camera.stream?.width ?? 0) > 0 && gopPackets > 0;
  };
  while (!isKnown() && elapsedMs() < wish.timeoutMs && camera.state.phase === 'running') {
    if (wish.signal?.aborted === true) break;
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
