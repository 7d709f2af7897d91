import type { Clock } from '../base/clock.js';

/** Where one caller (a connection) stands in the frames of one camera. */
export interface Position {
  /** Sequence of the last frame it got, 0 = none yet. */
  sequence: number;
  /** When it got it, monotonic ms; 0 = never. */
  atMs: number;
}

/** Callers that are remembered for each camera; beyond that the one that called longest ago is forgotten. */
const MAX_CALLERS = 4096;

/**
 * The positions of all callers, by camera and connection. A camera that is removed takes its positions along, so that one
 * of the same name begins anew.
 */
export class Positions {
  private readonly byCamera = new WeakMap<object, Map<string, Position>>();

  constructor(private readonly clock: Clock) {}

  of(camera: object, peer: string): Position {
    let peers = this.byCamera.get(camera);
    if (peers === undefined) {
      peers = new Map();
      this.byCamera.set(camera, peers);
    }
    // Taken out and put back: the map stays in the order of last calls.
    const position = peers.get(peer) ?? { sequence: 0, atMs: 0 };
    peers.delete(peer);
    peers.set(peer, position);
    if (peers.size > MAX_CALLERS) {
      const [oldest] = peers.keys();
      if (oldest !== undefined) peers.delete(oldest);
    }
    return position;
  }

  advance(position: Position, sequence: number): void {
    position.sequence = Math.max(position.sequence, sequence);
    position.atMs = this.clock.monotonicMs();
  }
}
