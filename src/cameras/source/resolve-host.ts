import { lookup, promises as dns } from 'node:dns';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';

import type { Clock } from '../../base/clock.js';

export type Resolution =
  | { readonly kind: 'resolved'; readonly addresses: readonly string[] }
  | { readonly kind: 'unknown'; readonly message: string }
  | { readonly kind: 'stopped' };

/** Where names are looked up. A lookup resolves with the addresses, or rejects with a `code` of node:dns. */
export interface NameSources {
  /** The text of /etc/hosts; '' when the file cannot be read. */
  hosts(): Promise<string>;
  /** Asks the name servers, until `signal` aborts. */
  servers(host: string, signal: AbortSignal): Promise<readonly string[]>;
  /** Asks the system's resolver, which knows search domains and mDNS. Cannot be cancelled. */
  system(host: string): Promise<readonly string[]>;
}

/** Time limit of `resolveHost`. */
export const RESOLVE_TIMEOUT_MS = 5000;
const MAX_ADDRESSES = 4;
/** The second try waits twice as long, so that both fit into RESOLVE_TIMEOUT_MS. */
const SERVER_TRY = { timeout: 1500, tries: 2 };
/** No name server answered, so the system's resolver would not get an answer either. */
const NO_ANSWER: readonly string[] = ['ETIMEOUT', 'ECANCELLED'];

const systemSources: NameSources = {
  hosts: () => readFile('/etc/hosts', 'utf8').catch(() => ''),
  servers: askServers,
  system: (host) =>
    new Promise((resolve, reject) => {
      lookup(host, { all: true }, (error, found) => {
        if (error === null) resolve(found.map(({ address }) => address));
        else reject(error);
      });
    }),
};

/**
 * Resolves a host name. Gives up after RESOLVE_TIMEOUT_MS, or when `stop[0]`, in shared memory, becomes non-zero and is
 * notified.
 *
 * The system's resolver (getaddrinfo) blocks one of the few threads that the whole process shares, for 10 s and more when
 * no name server answers. Neither the calling thread nor the process can end before it returns. So the name servers are
 * asked first, by a request that can be cancelled. The system's resolver is asked only if they answer, or are not needed.
 */
export async function resolveHost(
  host: string,
  stop: Int32Array,
  clock: Pick<Clock, 'after'>,
  sources = systemSources,
): Promise<Resolution> {
  if (isIP(host) !== 0) return { kind: 'resolved', addresses: [host] };
  // This wait has a timeout only so that no waiter is left behind. The clock decides when to give up.
  const stopped = Atomics.waitAsync(stop, 0, 0, RESOLVE_TIMEOUT_MS);
  if (!stopped.async) return { kind: 'stopped' };
  const lookups = new AbortController();
  let cancelTimeout = (): void => undefined;
  const givenUp = new Promise<Resolution>((resolve) => {
    cancelTimeout = clock.after(RESOLVE_TIMEOUT_MS, () => {
      resolve(unanswered(host));
    });
    void stopped.value.then((how) => {
      if (how !== 'timed-out') resolve({ kind: 'stopped' });
    });
  });
  try {
    return await Promise.race([givenUp, lookUp(host, sources, lookups.signal)]);
  } finally {
    cancelTimeout();
    lookups.abort();
  }
}

async function lookUp(host: string, sources: NameSources, signal: AbortSignal): Promise<Resolution> {
  const listed = addressesInHosts(await sources.hosts(), host);
  if (listed.length > 0) return resolved(listed);
  // mDNS needs no name server, and on many sites there is none.
  if (!/\.local\.?$/i.test(host)) {
    try {
      return resolved(await sources.servers(host, signal));
    } catch (error) {
      if (NO_ANSWER.includes(codeOf(error))) return unanswered(host);
    }
  }
  if (signal.aborted) return { kind: 'stopped' };
  try {
    return resolved(await sources.system(host));
  } catch (error) {
    const code = codeOf(error);
    const message =
      code === 'ENOTFOUND' ? `There is no host ${host}.` : `The host ${host} cannot be resolved (${code}).`;
    return { kind: 'unknown', message };
  }
}

async function askServers(host: string, signal: AbortSignal): Promise<readonly string[]> {
  const resolver = new dns.Resolver(SERVER_TRY);
  const cancel = (): void => {
    resolver.cancel();
  };
  signal.addEventListener('abort', cancel);
  try {
    // The first answer of either family counts: some name servers never answer for IPv6.
    return await Promise.any([resolver.resolve4(host), resolver.resolve6(host)]);
  } catch (error) {
    const errors: readonly unknown[] = error instanceof AggregateError ? error.errors : [error];
    throw errors.find((each) => NO_ANSWER.includes(codeOf(each))) ?? errors[0];
  } finally {
    signal.removeEventListener('abort', cancel);
    // The request for the other family must not keep the thread alive.
    resolver.cancel();
  }
}

function addressesInHosts(text: string, host: string): string[] {
  const name = host.toLowerCase().replace(/\.$/, '');
  const found: string[] = [];
  for (const line of text.split('\n')) {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().toLowerCase().split(/\s+/);
    if (isIP(address) !== 0 && names.includes(name)) found.push(address);
  }
  return found;
}

function resolved(addresses: readonly string[]): Resolution {
  return { kind: 'resolved', addresses: addresses.slice(0, MAX_ADDRESSES) };
}

function unanswered(host: string): Resolution {
  return { kind: 'unknown', message: `No name server answered for ${host}.` };
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
