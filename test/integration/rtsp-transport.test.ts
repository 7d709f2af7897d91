/** TCP, UDP, multicast, TLS and IPv6: the proxy finds, uses and remembers what works. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CertificateAuthority } from '../support/certificates.js';
import { FakeCameraScene } from '../support/scene.js';
import { waitFor } from '../support/wait.js';

const BOUND_MS = 60_000;

type Name =
  | 'both'
  | 'udp-only'
  | 'udp-only-as-tcp'
  | 'tcp-only-as-udp'
  | 'tcp-only'
  | 'udp-configured'
  | 'no-server-port'
  | 'nothing-over-tcp'
  | 'multicast'
  | 'ipv6'
  | 'tls'
  | 'tls-verified'
  | 'tls-unchecked'
  | 'tls-nothing';

let folder: string;
let scene: FakeCameraScene<Name>;
let authority: CertificateAuthority;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'chrysproxy-rtsps-'));
  authority = new CertificateAuthority(folder, 'camera-ca');
  const tls = authority.sign('camera');
  scene = await FakeCameraScene.start<Name>(
    {
      both: {},
      'udp-only': { rtsp: { transports: 'udp' } },
      'udp-only-as-tcp': { rtsp: { transports: 'udp' } },
      'tcp-only-as-udp': { rtsp: { transports: 'tcp' } },
      'tcp-only': { rtsp: { transports: 'tcp' } },
      'udp-configured': {},
      'no-server-port': { rtsp: { transports: 'udp', withoutServerPort: true } },
      'nothing-over-tcp': { rtsp: { nothingOverTcp: true } },
      multicast: { rtsp: { transports: 'multicast' } },
      ipv6: { host: '::1' },
      tls: { tls },
      'tls-verified': { tls },
      'tls-unchecked': { tls },
      'tls-nothing': {},
    },
    {
      more: {
        'udp-only-as-tcp': { transport: 'tcp' },
        'tcp-only-as-udp': { transport: 'udp' },
        'udp-configured': { transport: 'udp' },
        'nothing-over-tcp': { stall_timeout_ms: 2000 },
        'tls-verified': { tls_verify: 'verify' },
        'tls-unchecked': { tls_verify: 'none' },
      },
      later: ['tls-nothing'],
    },
  );
  await scene.add('tls-nothing', scene.cameras.url('tls-nothing').replace('rtsp:', 'rtsps:'));
});
afterAll(async () => {
  await scene.dispose();
  rmSync(folder, { recursive: true, force: true });
});

describe('without a configured transport', () => {
  it.each<[Name, string]>([
    ['both', 'tcp'],
    ['tcp-only', 'tcp'],
    ['ipv6', 'tcp'],
    ['udp-only', 'udp'],
    ['no-server-port', 'udp'],
    ['nothing-over-tcp', 'udp'],
    ['multicast', 'multicast'],
  ])('%s uses %s', async (name, transport) => {
    await scene.running(name, BOUND_MS);
    expect(await scene.faultsOf(name, 25)).toEqual([]);
    if (transport !== 'tcp') expect((await scene.state(name)).learned?.transport).toBe(transport);
  });

  it('a camera that supports only UDP gets one request for TCP, also over reconnections', async () => {
    await scene.running('udp-only');
    const before = await scene.counts('udp-only');
    expect(before.refused).toEqual({ 461: 1 });
    await scene.cameras.disconnect('udp-only');
    await waitFor('the next PLAY', BOUND_MS, async () => (await scene.counts('udp-only')).plays > before.plays);
    expect((await scene.counts('udp-only')).refused).toEqual({ 461: 1 });
  });

  it('a camera that sends nothing over TCP gets two attempts over TCP', async () => {
    await scene.running('nothing-over-tcp', BOUND_MS);
    const { plays, withoutTeardown } = await scene.counts('nothing-over-tcp');
    expect({ plays, withoutTeardown }).toEqual({ plays: 3, withoutTeardown: 0 });
  });
});

describe('with a configured transport', () => {
  it('UDP is used although both work', async () => {
    await scene.running('udp-configured');
    expect(await scene.faultsOf('udp-configured', 25)).toEqual([]);
    expect((await scene.counts('udp-configured')).receiverReports).toBeGreaterThan(0);
  });

  it.each<Name>(['udp-only-as-tcp', 'tcp-only-as-udp'])(
    'that the camera refuses, the message names 461 and the setting: %s',
    async (name) => {
      const { message } = await scene.failed(name, 'transport_refused');
      expect(message).toMatch(/461/);
      expect(message).toMatch(/transport/);
    },
  );
});

describe('over TLS', () => {
  it.each<Name>(['tls', 'tls-unchecked'])('pictures arrive: %s', async (name) => {
    await scene.running(name);
    expect(await scene.faultsOf(name, 25)).toEqual([]);
  });

  it('the first certificate is remembered and shown', async () => {
    const { learned } = await scene.until(
      'tls',
      'shows the certificate',
      (state) => typeof state.learned?.certificate === 'string',
    );
    expect(learned?.certificate).toMatch(/^[0-9a-f]{64}$/i);
    expect((await scene.state('tls-unchecked')).learned?.certificate ?? null).toBeNull();
  });

  it('a certificate that differs from the first has its own reason, and no request is sent', async () => {
    const { requests } = await scene.counts('tls');
    const { learned } = await scene.state('tls');
    await scene.cameras.change('tls', { tls: authority.sign('another') });
    await scene.cameras.disconnect('tls');
    const { message, learned: after } = await scene.failed('tls', 'certificate_changed');
    expect(message).toMatch(/another certificate/i);
    expect(after?.certificate).toBe(learned?.certificate);
    expect((await scene.counts('tls')).requests).toEqual(requests);
  });

  it('a certificate of an unknown authority is refused with tls_verify: verify', async () => {
    const { message } = await scene.failed('tls-verified', 'certificate_untrusted');
    expect(message).toMatch(/tls_verify/);
    expect((await scene.counts('tls-verified')).requests).toEqual({});
  });

  it('a port without TLS has its own reason', async () => {
    const { message } = await scene.failed('tls-nothing', 'tls_failed');
    expect(message).toMatch(/TLS/);
  });
});
