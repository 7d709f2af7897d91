import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type FaultyServer, refusedUrl, statusServer } from '../farm/faulty-servers.js';
import { failure } from '../support/grpc-client.js';
import { EXECUTABLE } from '../support/proxy.js';
import { FarmScene } from '../support/scene.js';
import { record } from './report.js';
import { frameSince, stateOf, streams } from './scenario.js';

const SECRET = 'S3cr3tW0rd';
const run = promisify(execFile);

let scene: FarmScene;
let notFound: FaultyServer;

beforeAll(async () => {
  const locked = { clip: 'h264-640x480-25-g50', user: 'viewer', password: SECRET };
  scene = await FarmScene.start({ locked }, { later: ['locked'], config: { mode: 'debug' } });
  notFound = await statusServer(404, 'Not Found');
});
afterAll(async () => {
  await scene.dispose();
  await notFound.stop();
});

async function cli(...args: string[]): Promise<string> {
  const options = { env: { ...process.env, CHRYSPROXY_URL: scene.proxy.restUrl }, timeout: 60_000 };
  try {
    const { stdout, stderr } = await run(process.execPath, [EXECUTABLE, ...args], options);
    return stdout + stderr;
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    return stdout + stderr;
  }
}

/** What other users can read of the process. */
function processList(): string {
  return ['cmdline', 'comm', 'environ']
    .map((name) => readFileSync(`/proc/${scene.proxy.pid}/${name}`, 'utf8'))
    .join('\n');
}

it('E8: a password in a camera URL is shown nowhere', async () => {
  const withSecret = (url: string): string => url.replace('rtsp://', `rtsp://viewer:${SECRET}@`);
  const urls = {
    running: scene.farm.url('locked'),
    'wrong-password': scene.farm.url('locked', `viewer:${SECRET}-but-wrong`),
    'not-found': withSecret(notFound.url),
    refused: withSecret(await refusedUrl()),
    'unknown-host': withSecret('rtsp://no-such-camera.invalid/x'),
    query: `${notFound.url}?user=viewer&password=${SECRET}`,
  };
  const seen = new Map<string, string>();
  for (const [name, url] of Object.entries(urls)) {
    await scene.proxy.addCamera(name, url, { rtmp_endpoint: `rtmp://viewer:${SECRET}@127.0.0.1/live/${name}` });
  }
  await frameSince(scene.proxy, 'running', 0);
  for (const name of Object.keys(urls).slice(1)) {
    await stateOf(scene.client, name, 'failing', ({ error }) => error !== '');
    seen.set(`gRPC frame of ${name}`, JSON.stringify(await failure(scene.client.frame({ device_id: name }))));
  }
  const post = (body: unknown): Promise<{ text: string }> => scene.proxy.rest('POST', '/api/v1/process', body);
  seen.set('the answer to a name that exists', (await post({ name: 'running', rtsp_endpoint: urls.running })).text);
  const file = withSecret('rtsp://camera/x').replace('rtsp:', 'gopher:');
  seen.set('the answer to a bad scheme', (await post({ name: 'gopher', rtsp_endpoint: file })).text);
  seen.set('the answer to a bad URL', (await post({ name: 'bad', rtsp_endpoint: withSecret('rtsp://[x') })).text);
  seen.set(
    'the answer to a bad port',
    (await post({ name: 'bad', rtsp_endpoint: withSecret('rtsp://h:99999/') })).text,
  );
  for (const name of Object.keys(urls)) {
    const shown = await scene.proxy.camera(name);
    const logs = [shown.logs.stdout, shown.logs.stderr].map((text) => Buffer.from(text, 'base64').toString());
    seen.set(`process/${name}`, JSON.stringify(shown));
    seen.set(`the log of ${name}`, logs.join('\n'));
  }
  seen.set('processlist', (await scene.proxy.rest('GET', '/api/v1/processlist')).text);
  seen.set('settings', (await scene.proxy.rest('GET', '/api/v1/settings')).text);
  seen.set('readyz', (await scene.proxy.rest('GET', '/readyz')).text);
  seen.set('metrics', (await scene.proxy.rest('GET', '/metrics')).text);
  seen.set('ListStreams', JSON.stringify([...(await streams(scene.client)).values()]));
  seen.set('camera list', await cli('camera', 'list', '--json'));
  seen.set('camera show', await cli('camera', 'show', 'running', '--json'));
  seen.set('camera add', await cli('camera', 'add', 'running', urls.running));
  seen.set('probe', await cli('probe', urls['wrong-password']));
  seen.set('the process list', processList());
  await scene.proxy.end();
  seen.set('the log of the proxy', scene.proxy.output);

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
  expect(scene.proxy.output).toContain('wrong-password');
});
