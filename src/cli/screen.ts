import type { Io, Screen } from './io.js';

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';

/** A text on a terminal. Each new text replaces the previous one. */
export class LiveText {
  #lines = 0;

  constructor(
    private readonly screen: Screen,
    private readonly io: Pick<Io, 'out'>,
  ) {}

  /** `text` consists of whole lines. Lines that do not fit are cut: wrapped lines would break the replacement. */
  show(text: string): void {
    const { columns, rows } = this.screen.size();
    const all = text.split('\n').slice(0, -1);
    const maxLines = Math.max(1, rows - 1);
    const lines =
      all.length > maxLines ? [...all.slice(0, maxLines - 1), `… and ${all.length - maxLines + 1} more`] : all;
    const up = this.#lines === 0 ? HIDE_CURSOR : `\u001b[${this.#lines}A\r`;
    this.io.out(`${up}\u001b[J${lines.map((line) => `${line.slice(0, Math.max(1, columns - 1))}\n`).join('')}`);
    this.#lines = lines.length;
  }

  /** Leaves the last text on the terminal. */
  end(): void {
    if (this.#lines > 0) this.io.out(SHOW_CURSOR);
  }
}
