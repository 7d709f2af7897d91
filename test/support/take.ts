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

/** A caller that takes every picture in the background until it is stopped. */
export class Watcher {
  readonly taken: { readonly pts: number; readonly seconds: number; readonly torn: boolean }[] = [];
  readonly #done: Promise<void>;
  #stopped = false;

  constructor(
    private readonly client: ImageClient,
    private readonly device: string,
  ) {
    this.#done = this.#run();
  }

  /** Pictures lost since it began. */
  lost(fps: number): number {
    const first = this.taken[0];
    const last = this.taken.at(-1);
    if (first === undefined || last === undefined) throw new Error(`camera ${this.device} gave no picture at all`);
    return Math.round((last.seconds - first.seconds) * fps) + 1 - this.taken.length;
  }

  /** Rejects when a call failed. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
    this.client.close();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const frame = await this.client.frame({ device_id: this.device });
      if (frame.data.length === 0) continue;
      const torn = readBarcode(frame.data, frame.width, frame.height) === 'torn';
      this.taken.push({ pts: frame.pts, seconds: frame.pts * frame.time_base, torn });
    }
  }
}
