import type { Clock } from '../base/clock.js';
import type { EventType, ProxyEvent } from './event.js';

/** A camera that comes and goes gives one event of each type so often. */
const WINDOW_MS = 1000;

interface Lane {
  /** The last that was given, and the newest that waits for the end of the window. */
  readonly given: Map<EventType, ProxyEvent>;
  readonly held: Map<EventType, ProxyEvent>;
  cancel: () => void;
}

/**
 * Gives an event at once; of those of the same camera that follow within a second, only the newest of each type, when the
 * second is over, and only if it is news by then. What is given is in order for each camera.
 */
export class EventLanes {
  private readonly lanes = new Map<string, Lane>();

  constructor(
    private readonly clock: Pick<Clock, 'after'>,
    private readonly give: (event: ProxyEvent) => void,
  ) {}

  take(event: ProxyEvent): void {
    const lane = this.lanes.get(event.camera);
    if (lane !== undefined) {
      // Behind those of other types that came before it.
      lane.held.delete(event.type);
      lane.held.set(event.type, event);
      return;
    }
    this.lanes.set(event.camera, {
      given: new Map([[event.type, event]]),
      held: new Map(),
      cancel: this.window(event.camera),
    });
    this.give(event);
  }

  /** Gives all that waits, now. */
  flush(): void {
    for (const lane of this.lanes.values()) {
      lane.cancel();
      this.giveHeld(lane);
    }
    this.lanes.clear();
  }

  private window(camera: string): () => void {
    return this.clock.after(WINDOW_MS, () => {
      const lane = this.lanes.get(camera);
      if (lane === undefined) return;
      if (lane.held.size === 0) {
        this.lanes.delete(camera);
        return;
      }
      this.giveHeld(lane);
      lane.cancel = this.window(camera);
    });
  }

  private giveHeld({ given, held }: Lane): void {
    for (const event of held.values()) {
      const before = given.get(event.type);
      if (before?.state === event.state && before.reason === event.reason) continue;
      given.set(event.type, event);
      this.give(event);
    }
    held.clear();
  }
}
