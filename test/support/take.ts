/** Callers that take a camera's pictures, and what can be said about what they got. */
import { readBarcode } from './barcode.js';
import type { Frame, FrameRequest, ImageClient } from './grpc-client.js';

export interface Taken {
  readonly frame: Frame;
  /** What the picture shows. */
  readonly number: number | 'torn';
  /** Milliseconds since the epoch. */
  readonly receivedMs: number;
}

/** Asks until it has `count` pictures; answers without one are passed over. Throws after `boundMs`. */
export async function take(
  client: ImageClient,
  request: FrameRequest,
  count: number,
  boundMs = 60_000,
): Promise<Taken[]> {
  const taken: Taken[] = [];
  const end = performance.now() + boundMs;
  while (taken.length < count) {
    if (performance.now() > end) throw new Error(`only ${taken.length} of ${count} pictures within ${boundMs} ms`);
    const frame = await client.frame(request);
    if (frame.data.length === 0) continue;
    taken.push({ frame, number: readBarcode(frame.data, frame.width, frame.height), receivedMs: Date.now() });
  }
  return taken;
}

/** Pictures of the camera that lie between those that were taken, by their timestamps. */
export function missed(taken: readonly Taken[], fps: number): number {
  const first = taken[0];
  const last = taken.at(-1);
  if (first === undefined || last === undefined) return 0;
  const seconds = (last.frame.pts - first.frame.pts) * first.frame.time_base;
  return Math.round(seconds * fps) + 1 - taken.length;
}

/** Pictures whose number is not the one that their timestamp calls for, in a clip of `clipFrames`. */
export function misplaced(taken: readonly Taken[], fps: number, clipFrames: number): Taken[] {
  const first = taken[0];
  if (first === undefined) return [];
  const { number, frame } = first;
  if (number === 'torn') return [first];
  return taken.filter((one) => {
    const steps = Math.round((one.frame.pts - frame.pts) * frame.time_base * fps);
    return one.number !== (number + steps) % clipFrames;
  });
}

/** Pictures that are not newer than the one before them. */
export function outOfOrder(taken: readonly Taken[]): Taken[] {
  return taken.filter((one, index) => index > 0 && one.frame.pts <= (taken[index - 1]?.frame.pts ?? -Infinity));
}

/**
 * Calls `run` until it says 0 missed pictures, at most `attempts` times, and returns the least that it said: a machine
 * that is busy with something else may make a caller late now and then, a fault does so always.
 */
export async function leastMissed(attempts: number, run: () => Promise<number>): Promise<number> {
  let least = Infinity;
  for (let attempt = 0; attempt < attempts && least > 0; attempt += 1) least = Math.min(least, await run());
  return least;
}
