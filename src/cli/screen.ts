import type { Io, Screen } from './io.js';

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';

/** A text on a terminal that is replaced by the next one. */
export class LiveText {
  #lines = 0;

  constructor(
    private readonly screen: Screen,
    private readonly io: Pick<Io, 'out'>,
  ) {}

  /** `text` is whole lines. What does not fit on the screen is cut off: longer lines would move the others. */
  show(text: string): void {
    const { columns, rows } = this.screen.size();
    const all = text.split('\n').slice(0, -1);
    const most = Math.max(1, rows - 1);
    const lines = all.length > most ? [...all.slice(0, most - 1), `… and ${all.length - most + 1} more`] : all;
    const up = this.#lines === 0 ? HIDE_CURSOR : `\u001b[${this.#lines}A\r`;
    this.io.out(`${up}\u001b[J${lines.map((line) => `${line.slice(0, Math.max(1, columns - 1))}\n`).join('')}`);
    this.#lines = lines.length;
  }

  /** Leaves the last text where it is. */
  end(): void {
    if (this.#lines > 0) this.io.out(SHOW_CURSOR);
  }
}
