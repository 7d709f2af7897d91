/** What processes cost, read from /proc. */
import { readFileSync } from 'node:fs';

import { pause } from '../support/wait.js';

/** USER_HZ of every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** CPU time of a process and all its threads so far, seconds. */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in parentheses may hold anything; utime and stime are the 14th and 15th field.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Cores that these processes together keep busy over the next `seconds`. */
export async function coresOf(pids: readonly number[], seconds: number): Promise<number> {
  const total = (): number => pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
  const startMs = performance.now();
  const before = total();
  await pause(seconds * 1000);
  return (total() - before) / ((performance.now() - startMs) / 1000);
}

/** Proportional set size of a process, megabytes. */
export function pssMegabytes(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? NaN) / 1024;
}
