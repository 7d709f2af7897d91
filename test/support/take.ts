/** Callers that take the pictures of a camera, and checks of what they got. */
import { readBarcode } from './barcode.js';
import type { Frame, FrameRequest, ImageClient } from './grpc-client.js';
import { waitFor } from './wait.js';

const EACH_STEP_BOUND_MS = 90_000;

export interface Taken {
  readonly frame: Frame;
  /** The number that the picture shows. */
  readonly number: number | 'torn';
  /** Milliseconds since the epoch. */
  readonly receivedMs: number;
}

function takenNow(frame: Frame): Taken {
  return { frame, number: readBarcode(frame.data, frame.width, frame.height), receivedMs: Date.now() };
}

/** Asks until it has `count` pictures, and ignores answers without one. Throws after `boundMs`. */
export async function take(
  client: ImageClient,
  request: FrameRequest,
  count: number,
  boundMs = 60_000,
): Promise<Taken[]> {
  const taken: Taken[] = [];
  const end = performance.now() + boundMs;
  while (taken.length < count) {
    if (performance.now() > end) throw new Error(`Only ${taken.length} of ${count} pictures within ${boundMs} ms`);
    const frame = await client.frame(request);
    if (frame.data.length === 0) continue;
    taken.push(takenNow(frame));
  }
  return taken;
}

/**
 * Steps of a group of pictures that a caller has not got, 0 to `gop` - 1. Step n leads from the frame whose
 * `frame_id % gop` is n to the next frame of the camera, with none skipped.
 *
 * A caller that a busy machine delays skips frames at random places, so it gets each step in one group or another. A frame
 * that the proxy loses in each group, or gives to a caller too late each time, leaves its step out for ever.
 */
export function missingSteps(frames: readonly { readonly frame_id: number }[], gop: number): number[] {
  const seen = new Set<number>();
  for (const [index, { frame_id }] of frames.entries()) {
    if (frames[index - 1]?.frame_id === frame_id - 1) seen.add((frame_id - 1) % gop);
  }
  return Array.from({ length: gop }, (_, step) => step).filter((step) => !seen.has(step));
}

/** Takes pictures until the caller has got each step of a group, see `missingSteps`. Throws after `boundMs`. */
export async function takeEachStep(
  client: ImageClient,
  request: FrameRequest,
  gop: number,
  boundMs = EACH_STEP_BOUND_MS,
): Promise<Taken[]> {
  const end = performance.now() + boundMs;
  const taken = await take(client, request, gop + 1, boundMs);
  for (;;) {
    const missing = missingSteps(framesOf(taken), gop);
    if (missing.length === 0) return taken;
    if (performance.now() > end) {
      throw new Error(
        `steps ${missing.join(', ')} of the group are not among ${taken.length} pictures (${boundMs} ms)`,
      );
    }
    taken.push(...(await take(client, request, 1, boundMs)));
  }
}

/** A caller of VideoStream. */
export interface Listener {
  /** What has been pushed so far. */
  readonly taken: readonly Taken[];
  /** Status code with which the call ended. */
  readonly ended: Promise<number>;
  pause(): void;
  resume(): void;
  stop(): void;
}

export function listen(client: ImageClient, request: FrameRequest): Listener {
  const stream = client.frames('VideoStream', request);
  const taken: Taken[] = [];
  const ended = new Promise<number>((resolve) => {
    stream.on('status', ({ code }: { code: number }) => {
      resolve(code);
    });
  });
  stream.on('data', (frame: Frame) => taken.push(takenNow(frame)));
  stream.on('error', () => undefined);
  return {
    taken,
    ended,
    pause: () => stream.pause(),
    resume: () => stream.resume(),
    stop: () => {
      stream.cancel();
    },
  };
}

/** What VideoStream pushes until it has pushed each step of a group, see `missingSteps`. Throws after 90 s. */
export async function listenForEachStep(client: ImageClient, request: FrameRequest, gop: number): Promise<Taken[]> {
  const listener = listen(client, request);
  try {
    await waitFor(`each of ${gop} steps`, EACH_STEP_BOUND_MS, () => {
      return missingSteps(framesOf(listener.taken), gop).length === 0;
    });
    return [...listener.taken];
  } finally {
    listener.stop();
  }
}

function framesOf(taken: readonly Taken[]): Frame[] {
  return taken.map(({ frame }) => frame);
}

/** Pictures whose number does not match their pts, counted from the first picture, in a clip of `clipFrames` pictures. */
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

/** Pictures whose pts is not later than that of the picture before. */
export function outOfOrder(taken: readonly Taken[]): Taken[] {
  return taken.filter((one, index) => index > 0 && one.frame.pts <= (taken[index - 1]?.frame.pts ?? -Infinity));
}
