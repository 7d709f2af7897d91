import type { LogLine } from './types.js';

const MOST_CHARACTERS = 1000;

/** The newest lines of a camera's log. */
export class LogRing {
  private readonly ring: LogLine[] = [];
  private next = 0;

  constructor(private readonly mostLines = 100) {}

  add(line: LogLine): void {
    const text = line.text.length > MOST_CHARACTERS ? `${line.text.slice(0, MOST_CHARACTERS)}…` : line.text;
    this.ring[this.next] = { ...line, text };
    this.next = (this.next + 1) % this.mostLines;
  }

  /** Oldest first. */
  get lines(): readonly LogLine[] {
    return [...this.ring.slice(this.next), ...this.ring.slice(0, this.next)];
  }
}
