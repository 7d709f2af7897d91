import type { Clock } from '../base/clock.js';
import type { FrameRef, FrameOptions } from '../cameras/types.js';

/** The last frame of one camera that one caller got. */
export interface Position {
  /** Frame id of the last frame that the caller got, 0 = none yet. */
  frameId: number;
  /** FrameRef.keyframeCount and arrivalMs of that frame. */
  keyframeCount: number;
  arrivalMs: number;
  /** When the caller got that frame, by Clock.monotonicMs; 0 = never. */
  atMs: number;
}

export function newPosition(): Position {
  return { frameId: 0, keyframeCount: 0, arrivalMs: 0, atMs: 0 };
}

/** Number of frames that match the options between the caller's last frame and this one. */
export function skippedBefore(position: Position, frame: FrameRef, options: FrameOptions): number {
  if (position.frameId === 0) return 0;
  let steps = frame.frameId - position.frameId;
  if (options.keyframesOnly) steps = frame.keyframeCount - position.keyframeCount;
  else if (options.intervalMs > 0) steps = Math.round((frame.arrivalMs - position.arrivalMs) / options.intervalMs);
  return Math.max(0, steps - 1);
}

/** Maximum number of positions for each camera. At the limit the position that was not used for longest is deleted. */
const MAX_CALLERS = 4096;

/**
 * The positions of all callers, by camera, connection and frame options, so that two models that share a connection do not take
 * frames from each other. The key is the Camera object: a camera that is added again under the same name has no positions.
 */
export class Positions {
  private readonly byCamera = new WeakMap<object, Map<string, Position>>();

  constructor(private readonly clock: Clock) {}

  of(camera: object, peer: string, options: FrameOptions): Position {
    let callers = this.byCamera.get(camera);
    if (callers === undefined) {
      callers = new Map();
      this.byCamera.set(camera, callers);
    }
    const caller = callerOf(peer, options);
    // Deleted and set again, so that the map is ordered by the last use.
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
      position.keyframeCount = frame.keyframeCount;
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
