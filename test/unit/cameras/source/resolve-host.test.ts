import { describe, expect, it } from 'vitest';

import { resolveHost, type NameSources } from '../../../../src/cameras/source/resolve-host.js';

const flag = (): Int32Array => new Int32Array(new SharedArrayBuffer(4));
const BOUND_MS = 5000;

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}

interface Asked {
  readonly sources: NameSources;
  readonly calls: string[];
}

function names(given: Partial<NameSources>): Asked {
  const calls: string[] = [];
  const sources: NameSources = {
    hosts: () => given.hosts?.() ?? Promise.resolve(''),
    servers: (host, signal) => {
      calls.push('servers');
      return given.servers?.(host, signal) ?? Promise.reject(failure('ENOTFOUND'));
    },
    system: (host) => {
      calls.push('system');
      return given.system?.(host) ?? Promise.reject(failure('ENOTFOUND'));
    },
  };
  return { sources, calls };
}

const never = (): Promise<never> => new Promise(() => undefined);

describe('the host name of a camera', () => {
  it.each(['10.0.0.5', 'fe80::1'])('that is the address %s is taken as it is', async (host) => {
    const { sources, calls } = names({});
    expect(await resolveHost(host, flag(), BOUND_MS, sources)).toEqual({
      kind: 'resolved',
      addresses: [host],
    });
    expect(calls).toEqual([]);
  });

  it('is found in the hosts file without asking anybody', async () => {
    const { sources, calls } = names({
      hosts: () =>
        Promise.resolve('# cam 9.9.9.9\n127.0.0.1\tlocalhost\n10.0.0.7  Cam.lan cam # the gate\nfe80::7 cam\n'),
    });
    expect(await resolveHost('CAM', flag(), BOUND_MS, sources)).toEqual({
      kind: 'resolved',
      addresses: ['10.0.0.7', 'fe80::7'],
    });
    expect(calls).toEqual([]);
  });

  it('is asked of the name servers', async () => {
    const { sources, calls } = names({ servers: () => Promise.resolve(['10.0.0.8']) });
    const found = await resolveHost('cam.lan', flag(), BOUND_MS, sources);
    expect(found).toEqual({ kind: 'resolved', addresses: ['10.0.0.8'] });
    expect(calls).toEqual(['servers']);
  });

  it.each(['ENOTFOUND', 'ENODATA', 'EREFUSED', 'ECONNREFUSED'])(
    'that they answer with %s may still be known to the system, by a search domain or mDNS',
    async (code) => {
      const { sources } = names({
        servers: () => Promise.reject(failure(code)),
        system: () => Promise.resolve(['10.0.0.9']),
      });
      const found = await resolveHost('cam', flag(), BOUND_MS, sources);
      expect(found).toEqual({ kind: 'resolved', addresses: ['10.0.0.9'] });
    },
  );

  it('is not asked of the system when the name servers are silent, since that would block a shared thread', async () => {
    const { sources, calls } = names({ servers: () => Promise.reject(failure('ETIMEOUT')) });
    const found = await resolveHost('cam.lan', flag(), BOUND_MS, sources);
    expect(found).toEqual({ kind: 'unknown', message: 'no name server answered for cam.lan' });
    expect(calls).toEqual(['servers']);
  });

  it('that ends in .local is asked of mDNS without a name server, since many sites have none', async () => {
    const { sources, calls } = names({ servers: never, system: () => Promise.resolve(['10.0.0.4']) });
    const found = await resolveHost('cam.local', flag(), BOUND_MS, sources);
    expect(found).toEqual({ kind: 'resolved', addresses: ['10.0.0.4'] });
    expect(calls).toEqual(['system']);
  });

  it('that nobody knows is named', async () => {
    const found = await resolveHost('nowhere.invalid', flag(), BOUND_MS, names({}).sources);
    expect(found).toEqual({ kind: 'unknown', message: 'there is no host nowhere.invalid' });
  });

  it('is given up at the deadline, and the question with it', async () => {
    let asked: AbortSignal | undefined;
    const { sources } = names({
      servers: (_host, signal) => {
        asked = signal;
        return never();
      },
    });
    const found = await resolveHost('cam.lan', flag(), 30, sources);
    expect(found).toEqual({ kind: 'unknown', message: 'no name server answered for cam.lan' });
    expect(asked?.aborted).toBe(true);
  });

  it('is given up when the camera is told to stop', async () => {
    const stop = flag();
    const { sources } = names({ servers: never });
    const found = resolveHost('cam.lan', stop, 60_000, sources);
    Atomics.store(stop, 0, 1);
    Atomics.notify(stop, 0);
    expect(await found).toEqual({ kind: 'stopped' });
  });

  it('is not even asked for when the camera was told to stop before', async () => {
    const stop = flag();
    Atomics.store(stop, 0, 1);
    const { sources, calls } = names({});
    expect(await resolveHost('cam.lan', stop, BOUND_MS, sources)).toEqual({ kind: 'stopped' });
    expect(calls).toEqual([]);
  });
});
