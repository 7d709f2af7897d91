import { lookup, type LookupAddress } from 'node:dns';
import { isIP } from 'node:net';

import { CONTROL } from '../gen/ring-layout.js';
import type { Control } from '../rings/control.js';

export type Resolution =
  | { readonly kind: 'resolved'; readonly addresses: readonly string[] }
  | { readonly kind: 'unknown'; readonly message: string }
  | { readonly kind: 'stopped' };

export type Lookup = (
  host: string,
  done: (error: NodeJS.ErrnoException | null, found: LookupAddress[]) => void,
) => void;

const RESOLVE_TIMEOUT_MS = 5000;
const MOST_ADDRESSES = 4;

const systemLookup: Lookup = (host, done) => {
  lookup(host, { all: true }, done);
};

/**
 * Resolves a host name, at most for `timeoutMs` and only until CONTROL.stop is raised and notified. The system's
 * resolver itself cannot be cancelled: it ends in the background.
 */
export async function resolveHost(
  host: string,
  control: Control,
  timeoutMs = RESOLVE_TIMEOUT_MS,
  look: Lookup = systemLookup,
): Promise<Resolution> {
  if (isIP(host) !== 0) return { kind: 'resolved', addresses: [host] };
  const stop = Atomics.waitAsync(control.i32, CONTROL.stopI32, 0, timeoutMs);
  if (!stop.async) return { kind: 'stopped' };
  const resolved = new Promise<Resolution>((resolve) => {
    look(host, (error, found) => {
      resolve(error === null ? known(host, found) : { kind: 'unknown', message: reasonOf(error, host) });
    });
  });
  const cancelled = stop.value.then((how): Resolution =>
    how === 'timed-out'
      ? { kind: 'unknown', message: `no name server resolved ${host} within ${timeoutMs / 1000} s` }
      : { kind: 'stopped' },
  );
  return await Promise.race([resolved, cancelled]);
}

function known(host: string, found: readonly LookupAddress[]): Resolution {
  const addresses = found.slice(0, MOST_ADDRESSES).map(({ address }) => address);
  return addresses.length === 0
    ? { kind: 'unknown', message: `${host} has no address` }
    : { kind: 'resolved', addresses };
}

function reasonOf(error: NodeJS.ErrnoException, host: string): string {
  if (error.code === 'ENOTFOUND') return `${host} is not known to the name server`;
  if (error.code === 'EAI_AGAIN') return `the name server does not answer for ${host}`;
  return error.message;
}
