import { type AddressInfo, createServer } from 'node:net';

/** Only for tests whose point is that nothing happens in this time. Other tests wait for a condition. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Calls `condition` every 20 ms until it returns something other than undefined, null or false, and resolves with that.
 * Throws after `boundMs`, with the last error of the condition as its cause.
 */
export async function waitFor<T>(
  what: string,
  boundMs: number,
  condition: () => T | Promise<T>,
): Promise<Exclude<T, undefined | null | false>> {
  const end = performance.now() + boundMs;
  let lastError: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value !== undefined && value !== null && value !== false) {
        return value as Exclude<T, undefined | null | false>;
      }
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() > end) throw new Error(`Not within ${boundMs} ms: ${what}`, { cause: lastError });
    await pause(20);
  }
}

/** A port of 127.0.0.1 that is free now. Another process may take it at any time. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
