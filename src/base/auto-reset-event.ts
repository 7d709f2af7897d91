import type { Clock } from './clock.js';

/** Wakes one waiting loop, or the next one that waits. */
export class AutoResetEvent {
  private isSet = false;
  private wake: (() => void) | undefined;

  constructor(private readonly clock: Clock) {}

  set(): void {
    this.isSet = true;
    this.wake?.();
  }

  /** Resolves when the event is set, or after `maxMs`. Resolves at once when it was set since the last wait. */
  async wait(maxMs: number): Promise<void> {
    if (!this.isSet) {
      await new Promise<void>((resolve) => {
        const cancel = this.clock.after(maxMs, resolve);
        this.wake = () => {
          cancel();
          resolve();
        };
      });
    }
    this.wake = undefined;
    this.isSet = false;
  }
}
