/** TLS of gRPC and REST, tested with Python clients. */
import { execFile } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Farm } from '../farm/farm.js';
import { CertificateAuthority, type CertificateFiles } from '../support/certificates.js';
import { runCli } from '../support/cli.js';
import { PROJECT, Proxy, type ClientFiles } from '../support/proxy.js';
import { pythonClient } from '../support/python.js';
import { waitFor } from '../support/wait.js';

const BOUND_MS = 30_000;

let folder: string;
let farm: Farm;
let ours: CertificateAuthority;
let server: CertificateFiles;
let valid: CertificateFiles;
let expired: CertificateFiles;
let foreign: CertificateFiles;
let proxy: Proxy | undefined;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'chrysproxy-tls-'));
  ours = new CertificateAuthority(folder, 'our-ca');
  server = ours.sign('server');
  valid = ours.sign('valid');
  expired = ours.sign('expired', { days: -1 });
  foreign = new CertificateAuthority(folder, 'another-ca').sign('foreign');
  farm = await Farm.start({ mounts: [{ path: 'open', clip: 'h264-640x480-25-g50' }] });
});

afterEach(async () => {
  await proxy?.dispose();
  proxy = undefined;
});

afterAll(async () => {
  await farm.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function start(tls: Readonly<Record<string, unknown>> = {}, client: Partial<ClientFiles> = {}): Promise<Proxy> {
  const config = { tls: { cert: server.cert, key: server.key, ...tls } };
  return (proxy = await Proxy.start({ config, tls: { ca: ours.cert, ...client } }));
}

function options(files: Partial<CertificateFiles>): string[] {
  return Object.entries({ ca: ours.cert, ...files }).flatMap(([name, path]) => [`--${name}`, path]);
}

/** 'in', or the reason why the client was refused. */
function pythonRest(files: Partial<CertificateFiles>): Promise<string> {
  const args = [join(PROJECT, 'test/clients/rest_client.py'), `${proxy!.restUrl}/healthz`, ...options(files)];
  return new Promise((resolve) => {
    execFile('/usr/bin/python3', args, { timeout: BOUND_MS }, (_error, stdout, stderr) => {
      resolve(stdout.trim() === '200' ? 'in' : stderr.trim());
    });
  });
}

async function pythonGrpc(files: Partial<CertificateFiles>): Promise<string> {
  const { exitCode, complaints, lines } = await pythonClient(proxy!.grpcAddress, '--services', ...options(files));
  return exitCode === 0 && lines.length > 0 ? 'in' : complaints;
}

describe('a proxy with a certificate', () => {
  it('serves frames, snapshots and files over TLS, and nothing in plaintext', async () => {
    const { restUrl, grpcAddress, output } = await start();
    await proxy!.addCamera('yard', farm.url('open'));
    await proxy!.cameraIsRunning('yard');
    const frames = ['--device', 'yard', '--bidi', '--frames', '50', '--ca', ours.cert];
    const { exitCode, complaints, lines } = await pythonClient(grpcAddress, ...frames);
    expect([exitCode, complaints]).toEqual([0, '']);
    expect(lines).toHaveLength(50);
    // Complete and in order; a slow reader may miss frames.
    for (const [index, { number, pts }] of lines.entries()) {
      expect(number).toEqual(expect.any(Number));
      if (index > 0) expect(Number(pts)).toBeGreaterThan(Number(lines[index - 1]!['pts']));
    }

    const cli = ['--url', restUrl, '--ca', ours.cert];
    expect(await runCli(proxy, ['camera', 'list', ...cli])).toMatchObject({ exitCode: 0 });
    const picture = join(folder, 'frame.jpg');
    expect(await runCli(proxy, ['snapshot', 'yard', picture, ...cli])).toMatchObject({ exitCode: 0, stderr: '' });
    const saved = ['frames', 'yard', '--out', join(folder, 'saved'), ...cli];
    expect(await runCli(proxy, saved)).toMatchObject({ exitCode: 0 });
    expect((await runCli(proxy, ['camera', 'list'])).stderr).toContain('--ca');
    expect(output).toContain(`Page     ${restUrl}/`);

    expect((await pythonClient(grpcAddress, '--services')).exitCode).not.toBe(0);
    await expect(fetch(restUrl.replace('https', 'http'))).rejects.toThrow();
    // Data that is not TLS does not disturb the proxy.
    await new Promise((resolve) => {
      connect(proxy!.restPort, '127.0.0.1')
        .on('close', resolve)
        .on('error', () => undefined)
        .end('GET / HTTP/1.1\r\n\r\n');
    });
    expect((await proxy!.rest('GET', '/healthz')).status).toBe(200);
  });

  it('closes connections that do not begin or do not finish the handshake', async () => {
    const { restPort, grpcPort } = await start();
    const cutOff = (port: number, beginning: string): Promise<void> =>
      new Promise((resolve, reject) => {
        const late = setTimeout(() => {
          socket.destroy();
          reject(new Error(`Port ${port} still waits after ${JSON.stringify(beginning)}`));
        }, BOUND_MS);
        const socket = connect(port, '127.0.0.1');
        socket
          .on('error', () => undefined)
          .on('close', () => {
            clearTimeout(late);
            resolve();
          });
        if (beginning !== '') socket.write(beginning);
      });
    // The first bytes of a ClientHello.
    const tries = [restPort, grpcPort].flatMap((port) => ['', '\x16\x03\x01'].map((text) => cutOff(port, text)));
    await Promise.all(tries);
    expect((await proxy!.rest('GET', '/healthz')).status).toBe(200);
  });

  it('is refused by clients that trust another CA', async () => {
    await start();
    const other = join(folder, 'another-ca.pem');
    expect((await runCli(proxy, ['camera', 'list', '--ca', other])).stderr).toMatch(/not trusted.*--ca/);
    expect((await pythonClient(proxy!.grpcAddress, '--services', '--ca', other)).exitCode).not.toBe(0);
  });

  it('loads renewed files without a restart, and keeps the old ones when the new ones are invalid', async () => {
    const files = { cert: join(folder, 'live.pem'), key: join(folder, 'live.key') };
    const put = (from: CertificateFiles): void => {
      copyFileSync(from.cert, files.cert);
      copyFileSync(from.key, files.key);
      chmodSync(files.key, 0o600);
    };
    put(server);
    await start(files);
    const shown = (port: number): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = connectTls({
          host: '127.0.0.1',
          port,
          ca: readFileSync(ours.cert),
          ALPNProtocols: ['h2', 'http/1.1'],
        });
        socket.on('error', reject).on('secureConnect', () => {
          resolve(String(socket.getPeerCertificate().subject.CN));
          socket.end();
        });
      });
    expect(await shown(proxy!.restPort)).toBe('server');
    put({ cert: valid.cert, key: server.key });
    await waitFor('the error in the log', BOUND_MS, () => proxy!.output.includes('the old ones stay'));
    expect(await shown(proxy!.restPort)).toBe('server');
    put(valid);
    for (const port of [proxy!.restPort, proxy!.grpcPort]) {
      await waitFor('the renewed certificate', BOUND_MS, async () => (await shown(port)) === 'valid');
    }
  });
});

describe('a proxy that requires client certificates', () => {
  it('accepts a valid certificate; refuses clients without one, with an expired one and with one of another CA', async () => {
    await start({ client_ca: ours.cert, require_client_cert: true }, valid);
    for (const ask of [pythonRest, pythonGrpc]) {
      expect(await ask(valid)).toBe('in');
      for (const files of [{}, expired, foreign]) expect(await ask(files)).not.toBe('in');
    }
    expect(await runCli(proxy, ['camera', 'list', ...options(valid)])).toMatchObject({ exitCode: 0 });
    expect((await runCli(proxy, ['camera', 'list', ...options({})])).exitCode).not.toBe(0);
  });

  it.each(['grpc', 'rest'] as const)('requires them only for %s when this is configured', async (which) => {
    await start({ client_ca: ours.cert, require_client_cert: which }, valid);
    expect(await pythonRest({})).toMatch(which === 'rest' ? /Error/ : /^in$/);
    if (which === 'rest') expect(await pythonGrpc({})).toBe('in');
    else expect(await pythonGrpc({})).not.toBe('in');
  });
});

describe('invalid TLS files', () => {
  it.each([
    ['a key of another certificate', () => ({ key: valid.key }), /is not the key of the certificate/],
    ['an expired certificate', () => ({ ...expired }), /expired at/],
    ['a missing file', () => ({ cert: join(folder, 'none.pem') }), /none\.pem cannot be read/],
    ['no key', () => ({ key: '' }), /tls\.cert is set and tls\.key is not/],
    ['no CA for clients', () => ({ require_client_cert: true }), /tls\.client_ca/],
  ])('prevent the start: %s', async (_what, tls, message) => {
    await expect(start(tls())).rejects.toThrow(message);
  });
});
