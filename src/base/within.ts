import type { Clock } from './clock.js';

const LATE = Symbol('late');

/**
 * Waits for `promise` for at most `timeoutMs`, then gives what `onTimeout` returns, or throws what it throws. The promise
 * itself goes on: its later result or error is ignored.
 */
export async function within<T, Late = never>(
  promise: Promise<T>,
  timeoutMs: number,
  clock: Pick<Clock, 'after'>,
  onTimeout: () => Late,
): Promise<T | Late> {
  let cancel = (): void => undefined;
  const late = new Promise<typeof LATE>((resolve) => {
    cancel = clock.after(timeoutMs, () => {
      resolve(LATE);
    });
  });
  try {
    const result = await Promise.race([promise, late]);
    return result === LATE ? onTimeout() : result;
  } finally {
    cancel();
  }
}
