/** Helpers of the fault tests: states, single frames, durations. */
import { ImageClient } from '../support/grpc-client.js';
import type { Frame } from '../support/grpc-client.js';
import type { Proxy } from '../support/proxy.js';
import { pause, waitFor } from '../support/wait.js';

const BOUND_MS = 60_000;

export interface StreamState {
  readonly name: string;
  readonly status: string;
  readonly failing_streak: number;
  readonly error: string;
}

/** The states of ListStreams, by camera. */
export async function streams(client: ImageClient): Promise<Map<string, StreamState>> {
  const states = (await client.all('ListStreams', {})) as StreamState[];
  return new Map(states.map((state) => [state.name, state]));
}

/** Resolves with the first state of the camera that matches. */
export async function stateOf(
  client: ImageClient,
  name: string,
  what: string,
  matches: (state: StreamState) => boolean,
): Promise<StreamState> {
  let last: StreamState | undefined;
  try {
    return await waitFor(`${name}: ${what}`, BOUND_MS, async () => {
      last = (await streams(client)).get(name);
      return last !== undefined && matches(last) ? last : undefined;
    });
  } catch (error) {
    throw new Error(`${name} was not ${what} within ${BOUND_MS} ms; last: ${JSON.stringify(last)}`, {
      cause: error,
    });
  }
}

/** The first frame that arrived from the camera after `sinceMs`, and when this client had it; ms since the epoch. */
export async function frameSince(proxy: Proxy, name: string, sinceMs: number): Promise<{ frame: Frame; atMs: number }> {
  const client = new ImageClient(proxy.grpcAddress, 'unary');
  try {
    return await waitFor(`a frame of ${name}`, BOUND_MS, async () => {
      const frame = await client.frame({ device_id: name });
      return frame.data.length > 0 && frame.timestamp >= sinceMs ? { frame, atMs: Date.now() } : undefined;
    });
  } finally {
    client.close();
  }
}

/** Duration of `action`, ms. */
export async function durationMs(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await action();
  return performance.now() - start;
}

/** Waits until `lengthMs` after `startMs` (ms since the epoch): for runs that measure a rate. */
export async function until(startMs: number, lengthMs: number): Promise<void> {
  await pause(Math.max(0, startMs + lengthMs - Date.now()));
}
