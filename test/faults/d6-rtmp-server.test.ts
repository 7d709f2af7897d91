import { afterAll, beforeAll, expect, it } from 'vitest';
import { RtmpServer } from '../support/rtmp-server.js';
import { FarmScene } from '../support/scene.js';
import { waitFor } from '../support/wait.js';
import { record, round } from './report.js';
import { expectUndisturbed, Witness } from './witness.js';

const BOUND_MS = 60_000;
const CAMERA = 'pushed';

let scene: FarmScene;
let server: RtmpServer;

beforeAll(async () => {
  server = await RtmpServer.start();
  // A high bit rate soon fills the kernel's buffers when the server is frozen.
  const more = { [CAMERA]: { rtmp_endpoint: server.url(CAMERA) } };
  scene = await FarmScene.start({ [CAMERA]: 'h264-640x480-25-g25-4000k' }, { more });
  await scene.proxy.rest('PATCH', `/api/v1/process/${CAMERA}`, { passthrough: true });
  await streaming(true);
});

afterAll(async () => {
  await scene.dispose();
  server.thaw();
  await server.stop();
});

interface Shown {
  readonly rtmp_stream_status: { readonly streaming: boolean };
  readonly chrysproxy: { readonly passthrough: { readonly state: string; readonly message: string } };
}

async function shown(): Promise<Shown> {
  return JSON.parse((await scene.proxy.rest('GET', `/api/v1/process/${CAMERA}`)).text) as Shown;
}

/** Waits until `streaming` has this value. Returns the time in seconds. */
async function streaming(expected: boolean): Promise<number> {
  const startMs = Date.now();
  await waitFor(`streaming to be ${expected}`, BOUND_MS, async () => {
    return (await shown()).rtmp_stream_status.streaming === expected;
  });
  return (Date.now() - startMs) / 1000;
}

async function plays(): Promise<void> {
  expect((await server.play(CAMERA, 640, 480, 10)).numbers).toHaveLength(10);
}

it('D6: an RTMP server that is restarted gets the stream again, and no other part is disturbed', async () => {
  const witness = await Witness.start(scene.proxy);
  await server.kill();
  await streaming(false);
  await server.resume();
  const recoverS = await streaming(true);
  await plays();
  const testimony = await witness.stop();
  const fault = 'RTMP server restarted';
  record({
    row: 'D6',
    fault,
    figure: 's to stream again',
    value: round(recoverS),
    promise: 'reported',
    others: testimony,
  });
  expectUndisturbed(testimony);
});

it('D6: a frozen RTMP server is detected, gets the stream when it thaws, and delays no other part', async () => {
  const witness = await Witness.start(scene.proxy);
  const before = await packetsOf();
  server.freeze();
  const detectS = await streaming(false);
  await waitFor('the camera to go on', BOUND_MS, async () => (await packetsOf()) > before + 100);
  const { message } = await waitFor('the connection to be given up', BOUND_MS, async () => {
    const { passthrough } = (await shown()).chrysproxy;
    return passthrough.state === 'retrying' ? passthrough : undefined;
  });
  expect(message).toContain('took nothing for 10 s');
  server.thaw();
  const recoverS = await streaming(true);
  await plays();
  const testimony = await witness.stop();
  const fault = 'RTMP server frozen';
  record({ row: 'D6', fault, figure: 's to detect', value: round(detectS), promise: 'reported', others: testimony });
  record({
    row: 'D6',
    fault,
    figure: 's to stream again after the thaw',
    value: round(recoverS),
    promise: 'reported',
    others: testimony,
  });
  expectUndisturbed(testimony);
});

it('D6: the proxy stops in time although its RTMP server is frozen', async () => {
  server.freeze();
  await streaming(false);
  const startMs = performance.now();
  expect(await scene.proxy.end()).toBe(0);
  record({
    row: 'D6',
    fault: 'RTMP server frozen',
    figure: 's to stop',
    value: round((performance.now() - startMs) / 1000),
    promise: '≤ 8',
  });
});

async function packetsOf(): Promise<number> {
  return (await scene.proxy.camera(CAMERA)).chrysproxy.stats.packets;
}
