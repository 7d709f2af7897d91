/** What a client asks of the past, and what the proxy says of its memory. */
import type { Frame, ImageClient } from './grpc-client.js';
import type { Proxy } from './proxy.js';

export type PastFrame = Frame & {
  readonly frame_id: number;
  readonly arrival_us: number;
  readonly gap_ms: number;
};

export interface PastRequest {
  readonly device_id: string;
  readonly timestamp_from?: number;
  readonly timestamp_to?: number;
  readonly width?: number;
  readonly height?: number;
  readonly format?: string;
  readonly quality?: number;
  readonly interval_ms?: number;
  readonly key_frame_only?: boolean;
}

export async function pastFrames(client: ImageClient, request: PastRequest): Promise<PastFrame[]> {
  return (await client.all('VideoBufferedImage', request)) as PastFrame[];
}

export interface Probe {
  readonly buffer: {
    readonly start_time: number;
    readonly end_time: number;
    readonly duration_seconds: number;
    readonly approximate_fps: number;
    readonly frames: number;
    readonly keyframes: number;
    readonly bytes: number;
    readonly limited: boolean;
  };
}

export async function probe(client: ImageClient, device: string): Promise<Probe> {
  return (await client.unary('VideoProbe', { device_id: device })) as Probe;
}

/** A frame of REST's list. */
export interface Listed {
  readonly frame_id: number;
  readonly timestamp: number;
  readonly keyframe: boolean;
  readonly bytes: number;
  readonly pts: number;
}

export async function listed(proxy: Proxy, device: string, query = ''): Promise<readonly Listed[]> {
  const answer = await proxy.rest('GET', `/api/v1/process/${device}/frames${query}`);
  if (answer.status !== 200) throw new Error(`frames of ${device}: ${answer.status} ${answer.text}`);
  return (JSON.parse(answer.text) as { frames: Listed[] }).frames;
}
