import type { Clock } from '../base/clock.js';
import type { FrameRef, FrameOptions } from '../cameras/types.js';

/** Where one caller stands in the frames of one camera. */
export interface Position {
  /** Id of the last frame it got, 0 = none yet. */
  frameId: number;
  /** FrameRef.keyframes and arrivalMs of that frame. */
  keyframes: number;
  arrivalMs: number;
  /** When it got it, monotonic ms; 0 = never. */
  atMs: number;
}

export function newPosition(): Position {
  return { frameId: 0, keyframes: 0, arrivalMs: 0, atMs: 0 };
}

/** Frames (keyframes, frames at the interval) between the caller's last one and this one. */
export function skippedBefore(position: Position, frame: FrameRef, terms: FrameOptions): number {
  if (position.frameId === 0) return 0;
  let steps = frame.frameId - position.frameId;
  if (terms.keyframesOnly) steps = frame.keyframes - position.keyframes;
  else if (terms.intervalMs > 0) steps = Math.round((frame.arrivalMs - position.arrivalMs) / terms.intervalMs);
  return Math.max(0, steps - 1);
}

/** Callers that are remembered for each camera; beyond that the one that called longest ago is forgotten. */
const MAX_CALLERS = 4096;

/**
 * The positions of all callers, by camera, connection and which frames they want: two models behind one connection do not
 * take frames from each other. A camera that is removed takes its positions along, so that one of the same name begins
 * anew.
 */
export class Positions {
  private readonly byCamera = new WeakMap<object, Map<string, Position>>();

  constructor(private readonly clock: Clock) {}

  of(camera: object, peer: string, terms: FrameOptions): Position {
    let callers = this.byCamera.get(camera);
    if (callers === undefined) {
      callers = new Map();
      this.byCamera.set(camera, callers);
    }
    const caller = callerOf(peer, terms);
    // Taken out and put back: the map stays in the order of last calls.
    const position = callers.get(caller) ?? newPosition();
    callers.delete(caller);
    callers.set(caller, position);
    if (callers.size > MAX_CALLERS) {
      const [oldest] = callers.keys();
      if (oldest !== undefined) callers.delete(oldest);
    }
    return position;
  }

  advance(position: Position, frame: FrameRef): void {
    if (frame.frameId > position.frameId) {
      position.frameId = frame.frameId;
      position.keyframes = frame.keyframes;
      position.arrivalMs = frame.arrivalMs;
    }
    position.atMs = this.clock.monotonicMs();
  }
}

function callerOf(peer: string, { outputFormat, keyframesOnly, intervalMs }: FrameOptions): string {
  const isPlain =
    !keyframesOnly &&
    intervalMs === 0 &&
    outputFormat.format === 0 &&
    outputFormat.width === 0 &&
    outputFormat.height === 0;
  if (isPlain) return peer;
  return `${peer} ${keyframesOnly ? 'k' : intervalMs} ${outputFormat.format} ${outputFormat.width}x${outputFormat.height} ${outputFormat.quality}`;
}
