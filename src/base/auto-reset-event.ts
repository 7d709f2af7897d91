import type { Clock } from './clock.js';

/** Wakes a loop that waits, or that is about to. */
export class AutoResetEvent {
  private rung = false;
  private wake: (() => void) | undefined;

  constructor(private readonly clock: Clock) {}

  set(): void {
    this.rung = true;
    this.wake?.();
  }

  /** Resolves when it rings, at once when it has rung since the last wait, or after so long. */
  async wait(maxMs: number): Promise<void> {
    if (!this.rung) {
      await new Promise<void>((resolve) => {
        const cancel = this.clock.after(maxMs, resolve);
        this.wake = () => {
          cancel();
          resolve();
        };
      });
    }
    this.wake = undefined;
    this.rung = false;
  }
}
