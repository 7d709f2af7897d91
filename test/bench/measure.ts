/** What processes cost, read from /proc. */
import { readdirSync, readFileSync } from 'node:fs';

import { pause } from '../support/wait.js';

/**
 * CPU time of a process and all its threads so far, seconds. From schedstat, which counts nanoseconds: utime and stime are
 * sampled a hundred times a second, which says little of a process that is idle.
 */
function cpuSeconds(pid: number): number {
  let nanoseconds = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    try {
      nanoseconds += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
    } catch {
      // The thread ended meanwhile.
    }
  }
  return nanoseconds / 1e9;
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
