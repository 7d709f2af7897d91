import type { Io } from './io.js';

const WIDTH = 30;
/** Minimum time between two updates. */
const MIN_INTERVAL_MS = 100;
const CLEAR_LINE = '\r\u001b[K';

/** A progress bar on one line of a terminal. Shows nothing when messages go to a file or a pipe. */
export class ProgressBar {
  #shownAtMs = -Infinity;
  #shown = false;

  constructor(
    private readonly io: Pick<Io, 'err' | 'messagesOnTerminal'>,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  /** `share` is 0 to 1. */
  show(share: number, text: string): void {
    if (!this.io.messagesOnTerminal || this.nowMs() - this.#shownAtMs < MIN_INTERVAL_MS) {
      return;
    }
    this.#shownAtMs = this.nowMs();
    this.#shown = true;
    this.io.err(`${CLEAR_LINE}${barOf(share)} ${text}`);
  }

  /** Removes the bar from the terminal. */
  clear(): void {
    if (this.#shown) {
      this.io.err(CLEAR_LINE);
      this.#shown = false;
    }
  }
}

function barOf(share: number): string {
  const bounded = Math.min(1, Math.max(0, share));
  const full = Math.round(bounded * WIDTH);
  return `[${'#'.repeat(full)}${'.'.repeat(WIDTH - full)}] ${String(Math.floor(bounded * 100)).padStart(3)} %`;
}
