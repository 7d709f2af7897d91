import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Farm } from '../farm/farm.js';
import { type FaultyServer, refusedUrl, statusServer } from '../farm/faulty-servers.js';
import { failure, ImageClient } from '../support/grpc-client.js';
import { EXECUTABLE, Proxy } from '../support/proxy.js';
import { record } from './report.js';
import { frameSince, stateOf, streams } from './scenario.js';

const SECRET = 'S3cr3tW0rd';
const run = promisify(execFile);

let farm: Farm;
let proxy: Proxy;
let client: ImageClient;
let notFound: FaultyServer;

beforeAll(async () => {
  farm = await Farm.start({
    mounts: [{ path: 'locked', clip: 'h264-640x480-25-g50', user: 'viewer', password: SECRET }],
  });
  notFound = await statusServer(404, 'Not Found');
  proxy = await Proxy.start({ config: { mode: 'debug' } });
  client = new ImageClient(proxy.grpcAddress, 'unary');
});

afterAll(async () => {
  client.close();
  await proxy.dispose();
  await farm.stop();
  await notFound.stop();
});

async function cli(...args: string[]): Promise<string> {
  const options = { env: { ...process.env, CHRYSPROXY_URL: proxy.restUrl }, timeout: 30_000 };
  try {
    const { stdout, stderr } = await run(process.execPath, [EXECUTABLE, ...args], options);
    return stdout + stderr;
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    return stdout + stderr;
  }
}

/** Everything that others may see of a process. */
function processList(): string {
  return ['cmdline', 'comm', 'environ'].map((name) => readFileSync(`/proc/${proxy.pid}/${name}`, 'utf8')).join('\n');
}

it('E8: a password in a camera URL is shown nowhere', async () => {
  const withSecret = (url: string): string => url.replace('rtsp://', `rtsp://viewer:${SECRET}@`);
  const urls = {
    running: farm.url('locked'),
    'wrong-password': farm.url('locked', `viewer:${SECRET}-but-wrong`),
    'not-found': withSecret(notFound.url),
    refused: withSecret(await refusedUrl()),
    'unknown-host': withSecret('rtsp://no-such-camera.invalid/x'),
    query: `${notFound.url}?user=viewer&password=${SECRET}`,
  };
  const seen = new Map<string, string>();
  for (const [name, url] of Object.entries(urls)) {
    await proxy.addCamera(name, url, { rtmp_endpoint: `rtmp://viewer:${SECRET}@127.0.0.1/live/${name}` });
  }
  await frameSince(proxy, 'running', 0, 15_000);
  for (const name of Object.keys(urls).slice(1)) {
    await stateOf(client, name, 'in trouble', 15_000, ({ error }) => error !== '');
    seen.set(`gRPC frame of ${name}`, JSON.stringify(await failure(client.frame({ device_id: name }))));
  }
  const post = (body: unknown): Promise<{ text: string }> => proxy.rest('POST', '/api/v1/process', body);
  seen.set('the answer to a name that is taken', (await post({ name: 'running', rtsp_endpoint: urls.running })).text);
  const file = withSecret('rtsp://camera/x').replace('rtsp:', 'gopher:');
  seen.set('the answer to a bad scheme', (await post({ name: 'gopher', rtsp_endpoint: file })).text);
  seen.set('the answer to a bad URL', (await post({ name: 'bad', rtsp_endpoint: withSecret('rtsp://[x') })).text);
  seen.set(
    'the answer to a bad port',
    (await post({ name: 'bad', rtsp_endpoint: withSecret('rtsp://h:99999/') })).text,
  );
  for (const name of Object.keys(urls)) {
    const shown = await proxy.camera(name);
    const logs = [shown.logs.stdout, shown.logs.stderr].map((text) => Buffer.from(text, 'base64').toString());
    seen.set(`process/${name}`, JSON.stringify(shown));
    seen.set(`the log of ${name}`, logs.join('\n'));
  }
  seen.set('processlist', (await proxy.rest('GET', '/api/v1/processlist')).text);
  seen.set('settings', (await proxy.rest('GET', '/api/v1/settings')).text);
  seen.set('readyz', (await proxy.rest('GET', '/readyz')).text);
  seen.set('metrics', (await proxy.rest('GET', '/metrics')).text);
  seen.set('ListStreams', JSON.stringify([...(await streams(client)).values()]));
  seen.set('camera list', await cli('camera', 'list', '--json'));
  seen.set('camera show', await cli('camera', 'show', 'running', '--json'));
  seen.set('camera add', await cli('camera', 'add', 'running', urls.running));
  seen.set('probe', await cli('probe', urls['wrong-password']));
  seen.set('the process list', processList());
  await proxy.end();
  seen.set('the log of the proxy', proxy.output);

  const leaks = [...seen].filter(([, text]) => text.includes(SECRET)).map(([place]) => place);
  record({
    row: 'E8',
    fault: 'passwords in camera URLs',
    figure: `places that show one, of ${seen.size}`,
    value: leaks.length,
    promise: '0',
  });
  expect(leaks).toEqual([]);
  expect(seen.get('processlist')).toContain('***');
  expect(proxy.output).toContain('wrong-password');
});
