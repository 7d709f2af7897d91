import { afterAll, beforeAll, expect, it } from 'vitest';
import { status } from '@grpc/grpc-js';
import { Farm } from '../farm/farm.js';
import { failure, ImageClient } from '../support/grpc-client.js';
import { Proxy } from '../support/proxy.js';
import { record } from './report.js';
import { frameSince } from './scenario.js';

const HOSTILE = [
  '../x',
  '..',
  '.hidden',
  '%2e%2e',
  'a\0b',
  'a\nb',
  'x'.repeat(4096),
  '__proto__',
  '<img onerror=alert(1) src=x>',
  'a/b',
  'a b',
  'ä',
];
const PLAIN = ['camera-1', 'constructor', 'Front_Door.2', 'x'.repeat(128)];

let farm: Farm;
let proxy: Proxy;

beforeAll(async () => {
  farm = await Farm.start({ mounts: [{ path: 'camera', clip: 'h264-640x480-25-g50' }] });
  proxy = await Proxy.start();
});

afterAll(async () => {
  await proxy.dispose();
  await farm.stop();
});

it('E5: a hostile name is refused with 400 that says which characters are allowed', async () => {
  let refused = 0;
  for (const name of HOSTILE) {
    const answer = await proxy.rest('POST', '/api/v1/process', { name, rtsp_endpoint: farm.url('camera') });
    const shown = JSON.stringify(name.slice(0, 40));
    expect.soft(answer.status, shown).toBe(400);
    expect.soft(answer.text, shown).toMatch(/A-Z/);
    expect.soft(answer.text.length, shown).toBeLessThan(1000);
    if (answer.status === 400) refused += 1;
  }
  const list = await proxy.rest('GET', '/api/v1/processlist');
  record({
    row: 'E5',
    fault: 'hostile camera names',
    figure: `refused with 400, of ${HOSTILE.length}`,
    value: refused,
    promise: String(HOSTILE.length),
  });
  expect(JSON.parse(list.text)).toEqual([]);
});

it('E5: a hostile name in a path or a request finds nothing and hurts nothing', async () => {
  const client = new ImageClient(proxy.grpcAddress, 'unary');
  for (const name of HOSTILE.filter((candidate) => candidate !== '..')) {
    const path = `/api/v1/process/${encodeURIComponent(name)}`;
    expect.soft([400, 404, 414], path.slice(0, 60)).toContain((await proxy.rest('GET', path)).status);
    expect.soft([400, 404, 414], path.slice(0, 60)).toContain((await proxy.rest('DELETE', path)).status);
    const { code } = await failure(client.frame({ device_id: name }));
    expect.soft([status.NOT_FOUND, status.INVALID_ARGUMENT], name.slice(0, 40)).toContain(code);
  }
  client.close();
  expect((await proxy.rest('GET', '/healthz')).status).toBe(200);
});

it('E5: ordinary names are taken', async () => {
  for (const name of PLAIN) {
    await proxy.addCamera(name, farm.url('camera'));
    await frameSince(proxy, name, 0, 15_000);
    await proxy.removeCamera(name);
  }
});
