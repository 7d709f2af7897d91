/** Queries of the history, and what the proxy reports of its memory. */
import { finished } from 'node:stream/promises';
import type { Frame, FrameRequest, ImageClient } from './grpc-client.js';
import type { Proxy } from './proxy.js';

export interface PastRequest extends Omit<FrameRequest, 'wait_ms' | 'max_age_ms'> {
  readonly timestamp_from?: number;
  readonly timestamp_to?: number;
}

export async function pastFrames(client: ImageClient, request: PastRequest): Promise<Frame[]> {
  return (await client.all('VideoBufferedImage', request)) as Frame[];
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

/** A frame of the list that REST returns. */
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

/** Takes `count` frames and then cancels the query. */
export async function leaveAfter(count: number, client: ImageClient, request: PastRequest): Promise<void> {
  const stream = client.frames('VideoBufferedImage', request);
  let taken = 0;
  try {
    stream.on('data', () => {
      taken += 1;
      if (taken === count) stream.cancel();
    });
    await finished(stream);
  } catch (error) {
    if (taken < count) throw error;
  }
}
