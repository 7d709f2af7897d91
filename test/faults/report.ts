/** What `npm run faults` leaves behind: one line for each row of promises, kept as JSON and printed as a table. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const FILE = fileURLToPath(new URL('../.cache/faults.json', import.meta.url));

export interface Figure {
  /** The row of the list of faults: "A1". */
  readonly row: string;
  /** What was done to it. */
  readonly fault: string;
  /** What was measured, with its unit: "s to the first frame after its return, p95". */
  readonly figure: string;
  readonly value: number | string;
  /** What was promised: "≤ 3". */
  readonly promise: string;
  /** What a client of another camera missed meanwhile. Undefined where the row does not ask. */
  readonly others?: { readonly lost: number; readonly starvedMs: number };
}

interface Line extends Figure {
  /** ISO 8601. */
  readonly measured: string;
}

/** Keeps a figure; it replaces an earlier one of the same row and the same figure. */
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

/** vitest calls this before the faults run … */
export function setup(): void {
  start = new Date().toISOString();
}

/** … and this after it. */
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

/** A client that waits for a processor comes too late for pictures by itself. */
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
