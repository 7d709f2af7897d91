import type { Clock } from '../base/clock.js';
import type { EventType, ProxyEvent } from './event.js';

const WINDOW_MS = 1000;

interface CameraWindow {
  /** The last event of each type that was passed on. */
  readonly passed: Map<EventType, ProxyEvent>;
  /** The newest event of each type that waits for the end of the window. */
  readonly held: Map<EventType, ProxyEvent>;
  cancel: () => void;
}

/**
 * Limits the events of each camera. The first event is passed on at once. Events that follow within a second wait until
 * its end; then the newest of each type is passed on, if it differs from the last one that was passed on. The events of a
 * camera stay in order.
 */
export class EventThrottle {
  private readonly windows = new Map<string, CameraWindow>();

  constructor(
    private readonly clock: Pick<Clock, 'after'>,
    private readonly pass: (event: ProxyEvent) => void,
  ) {}

  add(event: ProxyEvent): void {
    const window = this.windows.get(event.camera);
    if (window !== undefined) {
      // Deleted first, so that the event moves behind earlier events of other types.
      window.held.delete(event.type);
      window.held.set(event.type, event);
      return;
    }
    this.windows.set(event.camera, {
      passed: new Map([[event.type, event]]),
      held: new Map(),
      cancel: this.startTimer(event.camera),
    });
    this.pass(event);
  }

  /** Passes on all events that wait. */
  flush(): void {
    for (const window of this.windows.values()) {
      window.cancel();
      this.passHeld(window);
    }
    this.windows.clear();
  }

  private startTimer(camera: string): () => void {
    return this.clock.after(WINDOW_MS, () => {
      const window = this.windows.get(camera);
      if (window === undefined) return;
      if (window.held.size === 0) {
        this.windows.delete(camera);
        return;
      }
      this.passHeld(window);
      window.cancel = this.startTimer(camera);
    });
  }

  private passHeld({ passed, held }: CameraWindow): void {
    for (const event of held.values()) {
      const before = passed.get(event.type);
      if (before?.state === event.state && before.reason === event.reason) continue;
      passed.set(event.type, event);
      this.pass(event);
    }
    held.clear();
  }
}
