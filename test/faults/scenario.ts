/** What the fault runs ask a proxy, beside its frames. */
import { ImageClient } from '../support/grpc-client.js';
import type { Frame } from '../support/grpc-client.js';
import type { Proxy } from '../support/proxy.js';
import { pause, waitFor } from '../support/wait.js';

export interface StreamState {
  readonly name: string;
  readonly status: string;
  readonly failing_streak: number;
  readonly error: string;
}

/** What ListStreams says, by camera. */
export async function streams(client: ImageClient): Promise<Map<string, StreamState>> {
  const states = (await client.all('ListStreams', {})) as StreamState[];
  return new Map(states.map((state) => [state.name, state]));
}

/** Resolves with the state of the camera as soon as it is one that matches. */
export async function stateOf(
  client: ImageClient,
  name: string,
  what: string,
  boundMs: number,
  matches: (state: StreamState) => boolean,
): Promise<StreamState> {
  let last: StreamState | undefined;
  try {
    return await waitFor(`${name}: ${what}`, boundMs, async () => {
      last = (await streams(client)).get(name);
      return last !== undefined && matches(last) ? last : undefined;
    });
  } catch (error) {
    throw new Error(`${name} was not seen ${what} within ${boundMs} ms; last: ${JSON.stringify(last)}`, {
      cause: error,
    });
  }
}

/** The first frame that came from the camera after this moment, and when it was here; both ms since the epoch. */
export async function frameSince(
  proxy: Proxy,
  name: string,
  sinceMs: number,
  boundMs: number,
): Promise<{ frame: Frame; atMs: number }> {
  const client = new ImageClient(proxy.grpcAddress, 'unary');
  try {
    return await waitFor(`a frame of ${name}`, boundMs, async () => {
      const frame = await client.frame({ device_id: name });
      return frame.data.length > 0 && frame.timestamp >= sinceMs ? { frame, atMs: Date.now() } : undefined;
    });
  } finally {
    client.close();
  }
}

/** How long this takes, ms. */
export async function durationMs(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await action();
  return performance.now() - start;
}

/** For runs that must last a while, because what they measure is a rate. */
export async function until(startMs: number, lengthMs: number): Promise<void> {
  await pause(Math.max(0, startMs + lengthMs - Date.now()));
}
