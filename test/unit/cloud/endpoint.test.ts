/** Posts to servers that behave badly. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { Endpoint, type EndpointAnswer } from '../../../src/cloud/endpoint.js';
import { freePort } from '../../support/wait.js';

const TIMEOUT_MS = 400;

let server: Server | undefined;
let endpoint: Endpoint | undefined;
const sockets = new Set<Socket>();

afterEach(async () => {
  endpoint?.close();
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => {
    if (server === undefined) resolve(undefined);
    else server.close(resolve);
  });
  server = undefined;
});

async function listen(made: Server): Promise<number> {
  server = made;
  made.on('connection', (socket: Socket) => sockets.add(socket));
  await new Promise<void>((resolve) => {
    made.listen(0, '127.0.0.1', resolve);
  });
  return (made.address() as AddressInfo).port;
}

function post(url: string): Promise<EndpointAnswer> {
  endpoint ??= new Endpoint(url, TIMEOUT_MS);
  return endpoint.post(Buffer.from('{"data":[]}'), { 'X-Chrys-Date': '1' }, new AbortController().signal);
}

async function serve(listener: RequestListener): Promise<string> {
  endpoint = undefined;
  return `http://127.0.0.1:${await listen(createServer(listener))}/path?token=geheim`;
}

it('posts the bytes to the configured path, and returns the beginning of the answer', async () => {
  const seen: unknown[] = [];
  const url = await serve((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const { 'content-type': type, 'content-length': length, 'x-chrys-date': date } = request.headers;
      seen.push([request.method, request.url, type, length, date, body]);
      response.writeHead(429, { 'retry-after': '3', date: 'Fri, 02 Jan 2026 03:04:05 GMT', location: 'http://a:b@c/' });
      response.end(`slow\r\n\u001b[1mdown ${'!'.repeat(500)}`);
    });
  });
  const answer = await post(url);
  expect(seen).toEqual([['POST', '/path?token=geheim', 'application/json', '11', '1', '{"data":[]}']]);
  expect(answer).toMatchObject({
    status: 429,
    retryAfterMs: 3000,
    dateMs: 1_767_323_045_000,
    location: 'http://a:***@c/',
  });
  expect(answer.text).toMatch(/^slow \[1mdown !+$/);
  expect(answer.text).toHaveLength(200);
  expect(endpoint!.shownUrl).not.toContain('geheim');
});

it.each([
  ['Fri, 02 Jan 2026 03:04:35 GMT', 30_000],
  ['Fri, 02 Jan 2026 03:00:00 GMT', 0],
  ['Sat, 03 Jan 2026 03:04:05 GMT', 600_000],
  ['99999', 600_000],
  ['soon', 0],
])('understands Retry-After: %s', async (retryAfter, expected) => {
  const url = await serve((_request, response) => {
    response.writeHead(503, { 'retry-after': retryAfter, date: 'Fri, 02 Jan 2026 03:04:05 GMT' }).end();
  });
  expect((await post(url)).retryAfterMs).toBe(expected);
});

it('reads only the beginning of a long answer', async () => {
  const url = await serve((_request, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(100_000, 'x')));
    };
    response.on('drain', more);
    more();
  });
  expect((await post(url)).status).toBe(200);
});

it('sends again over a new connection when the server has closed the idle one', async () => {
  let requests = 0;
  const url = await serve((request, response) => {
    requests += 1;
    if (requests === 2) request.socket.resetAndDestroy();
    else response.end();
  });
  expect((await post(url)).status).toBe(200);
  await new Promise((resolve) => setImmediate(resolve));
  expect((await post(url)).status).toBe(200);
  expect(requests).toBe(3);
});

it.each<[string, string, RequestListener]>([
  ['does not answer', 'timeout', () => undefined],
  [
    'answers without end',
    'timeout',
    (_request, response) => {
      const drip = setInterval(() => response.write('.'), 20);
      response.on('close', () => {
        clearInterval(drip);
      });
    },
  ],
  [
    'breaks off',
    'broken_off',
    (request) => {
      request.socket.destroy();
    },
  ],
  [
    'breaks off in its answer',
    'broken_off',
    (request, response) => {
      response.writeHead(200, { 'content-length': '10' });
      response.write('12345', () => {
        request.socket.destroy();
      });
    },
  ],
])('a server that %s has not answered (%s)', async (_what, failure, listener) => {
  await expect(post(await serve(listener))).rejects.toMatchObject({ name: 'NoAnswer', failure });
});

it('distinguishes a server that is not HTTP, a closed port, and an unknown host name', async () => {
  const port = await listen(createTcpServer((socket) => socket.end('hello\r\n\r\n')));
  endpoint = undefined;
  await expect(post(`http://127.0.0.1:${port}/`)).rejects.toMatchObject({ failure: 'broken_off' });
  endpoint = undefined;
  await expect(post(`http://127.0.0.1:${await freePort()}/`)).rejects.toMatchObject({ failure: 'refused' });
  endpoint = undefined;
  await expect(post('http://no-such-host.invalid/')).rejects.toMatchObject({ failure: 'unknown_host' });
});

it('refuses a certificate of an unknown authority', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'chrysproxy-tls-'));
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const options = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '2',
    '-subj',
    '/CN=localhost',
  ];
  execFileSync('openssl', ['req', '-x509', ...options, '-keyout', key, '-out', certificate], { stdio: 'ignore' });
  const tls = { key: readFileSync(key), cert: readFileSync(certificate) };
  rmSync(folder, { recursive: true });
  let requests = 0;
  const port = await listen(createTlsServer(tls, () => (requests += 1)));
  endpoint = undefined;
  await expect(post(`https://127.0.0.1:${port}/`)).rejects.toMatchObject({ failure: 'tls' });
  expect(requests).toBe(0);
});

it('an aborted attempt ends at once', async () => {
  const url = await serve(() => undefined);
  endpoint = new Endpoint(url, 60_000);
  const controller = new AbortController();
  const attempt = endpoint.post(Buffer.from(''), {}, controller.signal);
  controller.abort();
  await expect(attempt).rejects.toMatchObject({ name: 'NoAnswer' });
});
