/** The report of `npm run faults`: one line for each figure, kept as JSON and printed as a table. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const FILE = fileURLToPath(new URL('../.cache/faults.json', import.meta.url));

export interface Figure {
  /** Row in the list of faults: "A1". */
  readonly row: string;
  /** The fault that was made. */
  readonly fault: string;
  /** The quantity with its unit: "s to the first frame after the return, p95". */
  readonly figure: string;
  readonly value: number | string;
  /** The promised value: "≤ 3". */
  readonly promise: string;
  /** Frames that a client of another camera missed meanwhile. Undefined for rows without a witness. */
  readonly others?: { readonly lost: number; readonly starvedMs: number };
}

interface Line extends Figure {
  /** ISO 8601. */
  readonly measured: string;
}

/** Stores a figure. It replaces an earlier figure of the same row and name. */
export function record(figure: Figure): void {
  const rest = read().filter((line) => line.row !== figure.row || line.figure !== figure.figure);
  const { others, ...what } = figure;
  const kept = others === undefined ? {} : { others: { lost: others.lost, starvedMs: others.starvedMs } };
  const lines = [...rest, { ...what, ...kept, measured: new Date().toISOString() }];
  lines.sort((one, other) => `${one.row} ${one.figure}`.localeCompare(`${other.row} ${other.figure}`));
  mkdirSync(dirname(FILE), { recursive: true });
  writeFileSync(FILE, `${JSON.stringify(lines, undefined, 2)}\n`);
}

/** The nearest-rank percentile, 0 to 100. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil((share / 100) * sorted.length) - 1)] ?? NaN;
}

export function round(value: number, digits = 2): number {
  return Number(value.toFixed(digits));
}

/** Vitest calls this before the fault tests. */
export function setup(): void {
  start = new Date().toISOString();
}

/** Vitest calls this after the fault tests. */
export function teardown(): void {
  const lines = read().filter((line) => line.measured >= start);
  if (lines.length > 0) process.stdout.write(`\n${table(lines)}\nKept in ${FILE}\n`);
}

let start = '';

function read(): Line[] {
  try {
    return JSON.parse(readFileSync(FILE, 'utf8')) as Line[];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** A loss, with the time that the client waited for a processor, which explains it. */
function othersText({ lost, starvedMs }: { readonly lost: number; readonly starvedMs: number }): string {
  return lost === 0 ? '0' : `${lost} (waited ${(starvedMs / 1000).toFixed(1)} s for a processor)`;
}

function table(lines: readonly Line[]): string {
  const rows = [
    ['row', 'fault', 'figure', 'value', 'promise', "others' loss"],
    ...lines.map((line) => [
      line.row,
      line.fault,
      line.figure,
      String(line.value),
      line.promise,
      line.others === undefined ? '–' : othersText(line.others),
    ]),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
