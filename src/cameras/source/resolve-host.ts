import { lookup, promises as dns } from 'node:dns';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';

export type Resolution =
  | { readonly kind: 'resolved'; readonly addresses: readonly string[] }
  | { readonly kind: 'unknown'; readonly message: string }
  | { readonly kind: 'stopped' };

/** Where names are looked up. Each gives addresses or rejects with a `code` of node:dns. */
export interface NameSources {
  /** Text of the form of /etc/hosts; '' when there is none. */
  hosts(): Promise<string>;
  /** Asks the name servers; can be given up. */
  servers(host: string, signal: AbortSignal): Promise<readonly string[]>;
  /** Asks the system's resolver, which knows search domains and mDNS, and cannot be given up. */
  system(host: string): Promise<readonly string[]>;
}

const RESOLVE_TIMEOUT_MS = 5000;
const MAX_ADDRESSES = 4;
/** The second try waits twice as long, so that both fit into RESOLVE_TIMEOUT_MS. */
const SERVER_TRY = { timeout: 1500, tries: 2 };
/** Nobody answered, so the system's resolver would wait for nothing, too. */
const SILENCE: readonly string[] = ['ETIMEOUT', 'ECANCELLED'];

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
 * Resolves a host name, at most for `timeoutMs` and only until the first element of `stop`, which is shared, is not 0 any
 * more and was notified.
 *
 * The system's resolver (getaddrinfo) blocks one of the few threads that the whole process shares, for 10 s and more
 * when no name server answers, and neither the thread that asked nor the process can end before. So the name servers
 * are asked first in a way that can be given up, and the system's resolver only when it will not have to wait for them.
 */
export async function resolveHost(
  host: string,
  stop: Int32Array,
  timeoutMs = RESOLVE_TIMEOUT_MS,
  sources = systemSources,
): Promise<Resolution> {
  if (isIP(host) !== 0) return { kind: 'resolved', addresses: [host] };
  const stopped = Atomics.waitAsync(stop, 0, 0, timeoutMs);
  if (!stopped.async) return { kind: 'stopped' };
  const giveUp = new AbortController();
  const given = stopped.value.then((how): Resolution => {
    giveUp.abort();
    return how === 'timed-out' ? unanswered(host) : { kind: 'stopped' };
  });
  return await Promise.race([given, ask(host, sources, giveUp.signal)]);
}

async function ask(host: string, sources: NameSources, signal: AbortSignal): Promise<Resolution> {
  const listed = addressesInHosts(await sources.hosts(), host);
  if (listed.length > 0) return resolved(listed);
  // mDNS needs no name server, and on many sites there is none.
  if (!/\.local\.?$/i.test(host)) {
    try {
      return resolved(await sources.servers(host, signal));
    } catch (error) {
      if (SILENCE.includes(codeOf(error))) return unanswered(host);
    }
  }
  if (signal.aborted) return { kind: 'stopped' };
  try {
    return resolved(await sources.system(host));
  } catch (error) {
    const code = codeOf(error);
    const message = code === 'ENOTFOUND' ? `there is no host ${host}` : `${host} could not be resolved (${code})`;
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
    // Whichever family is there first: some name servers never answer for IPv6.
    return await Promise.any([resolver.resolve4(host), resolver.resolve6(host)]);
  } catch (error) {
    const errors: readonly unknown[] = error instanceof AggregateError ? error.errors : [error];
    throw errors.find((each) => SILENCE.includes(codeOf(each))) ?? errors[0];
  } finally {
    signal.removeEventListener('abort', cancel);
    // The other family's question must not keep the thread.
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
  return { kind: 'unknown', message: `no name server answered for ${host}` };
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
