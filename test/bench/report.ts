/** The table that `npm run bench` prints, and the JSON file that it writes. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('results/', import.meta.url));

export interface Row {
  readonly work: string;
  readonly ours: string;
  readonly peer: string;
  /** The value that is compared with the limit. */
  readonly value: number;
  readonly bar: { readonly max?: number; readonly min?: number };
}

export function meets({ value, bar }: Row): boolean {
  return value <= (bar.max ?? Infinity) && value >= (bar.min ?? -Infinity);
}

export function printTable(rows: readonly Row[]): void {
  const cells = [
    ['work', 'chrysproxy', 'peer', 'value', 'bar', ''],
    ...rows.map((row) => [
      row.work,
      row.ours,
      row.peer,
      row.value.toFixed(3),
      barText(row.bar),
      meets(row) ? 'ok' : 'MISSED',
    ]),
  ];
  const widths = cells[0]?.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0))) ?? [];
  for (const line of cells) {
    process.stdout.write(`| ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |\n`);
    if (line === cells[0]) process.stdout.write(`|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|\n`);
  }
}

function barText(bar: Row['bar']): string {
  if (bar.min !== undefined) return `≥ ${bar.min}`;
  return bar.max === undefined ? 'reported only' : `≤ ${bar.max}`;
}

/** Writes the file and returns its path. */
export function keepJson(rows: readonly Row[]): string {
  mkdirSync(FOLDER, { recursive: true });
  const file = `${FOLDER}${new Date().toISOString().replaceAll(':', '-')}.json`;
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version };
  const measured = rows.map((row) => ({ ...row, ok: meets(row) }));
  writeFileSync(file, `${JSON.stringify({ measured: new Date().toISOString(), machine, rows: measured }, null, 2)}\n`);
  return file;
}
