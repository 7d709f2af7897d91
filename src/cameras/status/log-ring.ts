import type { LogLine } from '../types.js';

const MAX_CHARACTERS = 1000;

/** The newest lines of a camera's log. A longer line is cut off at MAX_CHARACTERS. */
export class LogRing {
  private readonly ring: LogLine[] = [];
  private next = 0;

  constructor(private readonly maxLines = 100) {}

  add(line: LogLine): void {
    const text = line.text.length > MAX_CHARACTERS ? `${line.text.slice(0, MAX_CHARACTERS)}…` : line.text;
    this.ring[this.next] = { ...line, text };
    this.next = (this.next + 1) % this.maxLines;
  }

  /** Oldest first. */
  get lines(): readonly LogLine[] {
    return [...this.ring.slice(this.next), ...this.ring.slice(0, this.next)];
  }
}
