import type { Clock } from '../../base/clock.js';

/** Wakes a loop that waits, or that is about to. */
export class Bell {
  private rung = false;
  private wake: (() => void) | undefined;

  constructor(private readonly clock: Clock) {}

  ring(): void {
    this.rung = true;
    this.wake?.();
  }

  /** Resolves when it rings, at once when it has rung since the last wait, or after so long. */
  async wait(mostMs: number): Promise<void> {
    if (!this.rung) {
      await new Promise<void>((resolve) => {
        const cancel = this.clock.after(mostMs, resolve);
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
