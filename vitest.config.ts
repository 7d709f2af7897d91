import { defineConfig } from 'vitest/config';

/** For tests that start processes. Two files run at a time, so that they hardly disturb each other. */
const withProcesses = { maxWorkers: 2, testTimeout: 180_000, hookTimeout: 240_000, pool: 'forks' as const };
/** Timeouts that a busy machine keeps. A test that hangs fails a little later. */
const unitTimeouts = { testTimeout: 30_000, hookTimeout: 30_000 };
/** The projects run one after another, in this order. */
const turn = (groupOrder: number): { sequence: { groupOrder: number } } => ({ sequence: { groupOrder } });

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], ...unitTimeouts } },
      { test: { name: 'native', include: ['test/native/**/*.test.ts'], ...withProcesses, ...turn(1) } },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          ...withProcesses,
          ...turn(2),
        },
      },
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
