/** CPU time and memory of processes, from /proc. */
import { readdirSync, readFileSync } from 'node:fs';

import { pause } from '../support/wait.js';

/**
 * CPU time of a process with all its threads so far, seconds. From schedstat, which counts nanoseconds. utime and stime are
 * sampled 100 times per second, which is too coarse for an idle process.
 */
function cpuSeconds(pid: number): number {
  let nanoseconds = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    try {
      nanoseconds += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
    } catch {
      // The thread has ended.
    }
  }
  return nanoseconds / 1e9;
}

/** Average number of cores that these processes use together over the next `seconds`. */
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
