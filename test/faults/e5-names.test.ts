import { afterAll, beforeAll, expect, it } from 'vitest';
import { status } from '@grpc/grpc-js';
import { failure } from '../support/grpc-client.js';
import { FarmScene } from '../support/scene.js';
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

let scene: FarmScene;

beforeAll(async () => {
  scene = await FarmScene.start({ camera: 'h264-640x480-25-g50' }, { later: ['camera'] });
});
afterAll(async () => {
  await scene.dispose();
});

it('E5: a hostile name is refused with 400, and the answer names the allowed characters', async () => {
  let refused = 0;
  for (const name of HOSTILE) {
    const answer = await scene.proxy.rest('POST', '/api/v1/process', { name, rtsp_endpoint: scene.farm.url('camera') });
    const shown = JSON.stringify(name.slice(0, 40));
    expect.soft(answer.status, shown).toBe(400);
    expect.soft(answer.text, shown).toMatch(/A-Z/);
    expect.soft(answer.text.length, shown).toBeLessThan(1000);
    if (answer.status === 400) refused += 1;
  }
  const list = await scene.proxy.rest('GET', '/api/v1/processlist');
  record({
    row: 'E5',
    fault: 'hostile camera names',
    figure: `refused with 400, of ${HOSTILE.length}`,
    value: refused,
    promise: String(HOSTILE.length),
  });
  expect(JSON.parse(list.text)).toEqual([]);
});

it('E5: a hostile name in a path or a request finds nothing and does no harm', async () => {
  for (const name of HOSTILE.filter((candidate) => candidate !== '..')) {
    const path = `/api/v1/process/${encodeURIComponent(name)}`;
    expect.soft([400, 404, 414], path.slice(0, 60)).toContain((await scene.proxy.rest('GET', path)).status);
    expect.soft([400, 404, 414], path.slice(0, 60)).toContain((await scene.proxy.rest('DELETE', path)).status);
    const { code } = await failure(scene.client.frame({ device_id: name }));
    expect.soft([status.NOT_FOUND, status.INVALID_ARGUMENT], name.slice(0, 40)).toContain(code);
  }
  expect((await scene.proxy.rest('GET', '/healthz')).status).toBe(200);
});

it('E5: ordinary names are accepted', async () => {
  for (const name of PLAIN) {
    await scene.proxy.addCamera(name, scene.farm.url('camera'));
    await frameSince(scene.proxy, name, 0);
    await scene.proxy.removeCamera(name);
  }
});
