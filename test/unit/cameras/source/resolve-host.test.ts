import { describe, expect, it } from 'vitest';

import { RESOLVE_TIMEOUT_MS, resolveHost, type NameSources } from '../../../../src/cameras/source/resolve-host.js';
import { StillClock } from '../../fixtures/still-clock.js';

const clock = new StillClock();
const stopFlag = (): Int32Array => new Int32Array(new SharedArrayBuffer(4));

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}

interface FakeSources {
  readonly sources: NameSources;
  readonly calls: string[];
}

function fakeSources(answers: Partial<NameSources>): FakeSources {
  const calls: string[] = [];
  const sources: NameSources = {
    hosts: () => answers.hosts?.() ?? Promise.resolve(''),
    servers: (host, signal) => {
      calls.push('servers');
      return answers.servers?.(host, signal) ?? Promise.reject(failure('ENOTFOUND'));
    },
    system: (host) => {
      calls.push('system');
      return answers.system?.(host) ?? Promise.reject(failure('ENOTFOUND'));
    },
  };
  return { sources, calls };
}

const never = (): Promise<never> => new Promise(() => undefined);
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the host name of a camera', () => {
  it.each(['10.0.0.5', 'fe80::1'])('is not looked up when it is the address %s', async (host) => {
    const { sources, calls } = fakeSources({});
    expect(await resolveHost(host, stopFlag(), clock, sources)).toEqual({
      kind: 'resolved',
      addresses: [host],
    });
    expect(calls).toEqual([]);
  });

  it('is found in /etc/hosts, without a request', async () => {
    const { sources, calls } = fakeSources({
      hosts: () =>
        Promise.resolve('# cam 9.9.9.9\n127.0.0.1\tlocalhost\n10.0.0.7  Cam.lan cam # the gate\nfe80::7 cam\n'),
    });
    expect(await resolveHost('CAM', stopFlag(), clock, sources)).toEqual({
      kind: 'resolved',
      addresses: ['10.0.0.7', 'fe80::7'],
    });
    expect(calls).toEqual([]);
  });

  it('is looked up at the name servers', async () => {
    const { sources, calls } = fakeSources({ servers: () => Promise.resolve(['10.0.0.8']) });
    const found = await resolveHost('cam.lan', stopFlag(), clock, sources);
    expect(found).toEqual({ kind: 'resolved', addresses: ['10.0.0.8'] });
    expect(calls).toEqual(['servers']);
  });

  it.each(['ENOTFOUND', 'ENODATA', 'EREFUSED', 'ECONNREFUSED'])(
    'is looked up by the system after the name servers answer %s, because of search domains and mDNS',
    async (code) => {
      const { sources } = fakeSources({
        servers: () => Promise.reject(failure(code)),
        system: () => Promise.resolve(['10.0.0.9']),
      });
      const found = await resolveHost('cam', stopFlag(), clock, sources);
      expect(found).toEqual({ kind: 'resolved', addresses: ['10.0.0.9'] });
    },
  );

  it('is not looked up by the system when no name server answers, because that would block a shared thread', async () => {
    const { sources, calls } = fakeSources({ servers: () => Promise.reject(failure('ETIMEOUT')) });
    const found = await resolveHost('cam.lan', stopFlag(), clock, sources);
    expect(found).toEqual({ kind: 'unknown', message: 'No name server answered for cam.lan.' });
    expect(calls).toEqual(['servers']);
  });

  it('is looked up by the system when it ends in .local, because mDNS needs no name server', async () => {
    const { sources, calls } = fakeSources({ servers: never, system: () => Promise.resolve(['10.0.0.4']) });
    const found = await resolveHost('cam.local', stopFlag(), clock, sources);
    expect(found).toEqual({ kind: 'resolved', addresses: ['10.0.0.4'] });
    expect(calls).toEqual(['system']);
  });

  it('is in the message when it is unknown', async () => {
    const found = await resolveHost('nowhere.invalid', stopFlag(), clock, fakeSources({}).sources);
    expect(found).toEqual({ kind: 'unknown', message: 'There is no host nowhere.invalid.' });
  });

  it('is given up after the time limit, and the request is cancelled', async () => {
    let request: AbortSignal | undefined;
    const { sources } = fakeSources({
      servers: (_host, signal) => {
        request = signal;
        return never();
      },
    });
    const found = resolveHost('cam.lan', stopFlag(), clock, sources);
    await settled();
    clock.advance(RESOLVE_TIMEOUT_MS);
    expect(await found).toEqual({ kind: 'unknown', message: 'No name server answered for cam.lan.' });
    expect(request?.aborted).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });

  it('is given up when the camera stops', async () => {
    const stop = stopFlag();
    const { sources } = fakeSources({ servers: never });
    const found = resolveHost('cam.lan', stop, clock, sources);
    Atomics.store(stop, 0, 1);
    Atomics.notify(stop, 0);
    expect(await found).toEqual({ kind: 'stopped' });
  });

  it('is not looked up when the camera has stopped already', async () => {
    const stop = stopFlag();
    Atomics.store(stop, 0, 1);
    const { sources, calls } = fakeSources({});
    expect(await resolveHost('cam.lan', stop, clock, sources)).toEqual({ kind: 'stopped' });
    expect(calls).toEqual([]);
  });
});
