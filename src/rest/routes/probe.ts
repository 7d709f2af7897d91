import type { Response } from 'express';
import type { z } from 'zod';
import type { Cameras } from '../../cameras/types.js';
import type { Config } from '../../config/schema.js';
import { DEFAULT_PROBE_MS, type probeBody } from '../route-table/camera-bodies.js';
import type { ProbeAnswer } from '../route-table/cameras.js';

/** Added to the probe's own timeout: the time to wait for connections that are being closed, and to close its own. */
const MARGIN_MS = 15_000;

interface ProbeParts {
  readonly cameras: Pick<Cameras, 'probe'>;
  readonly config: Pick<Config, 'camera'>;
}

/** Probes a stream; stops when the client disconnects. Throws the error that says why the stream cannot be opened. */
export async function probe(
  body: z.output<typeof probeBody>,
  res: Response,
  { cameras, config }: ProbeParts,
): Promise<ProbeAnswer> {
  const timeoutMs = body.timeout_ms ?? DEFAULT_PROBE_MS;
  // The HTTP connection is idle during the probe, and must not be closed for that.
  res.setTimeout(timeoutMs + MARGIN_MS);
  const gone = new AbortController();
  res.on('close', () => {
    gone.abort();
  });
  const found = await cameras.probe(body.rtsp_endpoint, {
    transport: body.transport ?? 'auto',
    tlsVerify: body.tls_verify ?? config.camera.tls_verify,
    timeoutMs,
    signal: gone.signal,
  });
  return {
    codec: found.codec,
    profile: found.profile,
    width: found.width,
    height: found.height,
    pixel_format: found.pixelFormat,
    fps: found.fps,
    gop_packets: found.gopPackets,
    bitrate_kbps: found.bitrateKbps,
    transport: found.transport,
    open_ms: found.openMs,
    camera: found.camera ?? null,
  };
}
