import { defineConfig } from 'vitest/config';

/** Tests that start processes and mostly wait for them: two files at a time, so that they hardly disturb each other. */
const withProcesses = { maxWorkers: 2, testTimeout: 120_000, hookTimeout: 180_000, pool: 'forks' as const };
/** Bounds that a busy machine keeps: what hangs fails a little later. */
const patient = { testTimeout: 30_000, hookTimeout: 30_000 };
/** Each frame of a live stream is counted here: a test server that starves for a core would lose some. One at a time. */
const COUNTING = ['frames', 'history', 'one-past', 'open-groups', 'python-client', 'redis-bus', 'terms'].map(
  (name) => `test/integration/${name}.test.ts`,
);
/** The projects run one after another, too. */
const turn = (groupOrder: number): { sequence: { groupOrder: number } } => ({ sequence: { groupOrder } });

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], ...patient } },
      { test: { name: 'native', include: ['test/native/**/*.test.ts'], ...withProcesses, ...turn(1) } },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          exclude: COUNTING,
          ...withProcesses,
          ...turn(2),
        },
      },
      { test: { name: 'integration, counting', include: COUNTING, ...withProcesses, maxWorkers: 1, ...turn(5) } },
      {
        test: {
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          ...withProcesses,
          ...turn(3),
          globalSetup: ['test/faults/report.ts'],
        },
      },
      { test: { name: 'packaging', include: ['test/packaging/**/*.test.ts'], ...withProcesses, ...turn(4) } },
    ],
  },
});
