/** The REST interface of the whole proxy. */
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MjpegReader, mjpegParts } from '../support/mjpeg.js';
import { type ProcessAnswer, type RestAnswer } from '../support/proxy.js';
import { FarmScene } from '../support/scene.js';
import { waitFor } from '../support/wait.js';

const PROCESS = '/api/v1/process';

describe('REST', () => {
  let scene: FarmScene;

  beforeAll(async () => {
    scene = await FarmScene.start({
      open: 'h264-640x480-25-g50',
      locked: { clip: 'h264-640x480-25-g50', user: 'viewer', password: 'pa55' },
    });
  });

  afterAll(async () => {
    await scene.dispose();
  });

  it('shows a camera as a StreamProcess, its password masked', async () => {
    const camera = await scene.proxy.camera('locked');
    expect(camera).toMatchObject({
      name: 'locked',
      status: 'running',
      state: { Status: 'running', Running: true, Dead: false, Pid: scene.proxy.pid },
      rtmp_stream_status: { streaming: false, storing: false },
      upgrade_available: false,
    });
    expect(camera.rtsp_endpoint).toBe(scene.farm.url('locked').replace('pa55', '***'));
    expect(Buffer.from(camera.logs.stdout + camera.logs.stderr, 'base64').toString()).not.toContain('pa55');
  });

  it('lists all cameras', async () => {
    const { text } = await scene.proxy.rest('GET', '/api/v1/processlist');
    expect((JSON.parse(text) as ProcessAnswer[]).map(({ name }) => name).sort()).toEqual(['locked', 'open']);
  });

  it('names a camera without a name after the md5 of its URL', async () => {
    const url = scene.farm.url('open');
    expect(await scene.proxy.rest('POST', PROCESS, { rtsp_endpoint: url })).toEqual({ status: 200, text: '' });
    const name = createHash('md5').update(url).digest('hex');
    await scene.running(name);
    await scene.proxy.removeCamera(name);
    expect((await scene.proxy.rest('GET', `${PROCESS}/${name}`)).status).toBe(404);
  });

  it.each([
    ['a name that is taken', { name: 'open', rtsp_endpoint: 'rtsp://127.0.0.1/x' }, 409, 'open'],
    ['no endpoint', { name: 'new' }, 400, 'rtsp_endpoint'],
    ['an endpoint with another scheme', { name: 'new', rtsp_endpoint: 'http://127.0.0.1/x' }, 400, 'rtsp://'],
    ['a misspelled field', { name: 'new', rtsp_endpont: 'rtsp://127.0.0.1/x' }, 400, 'rtsp_endpoint'],
    ['a body that is not an object', [1], 400, 'object'],
  ])('refuses %s and says why', async (_what, body, status, word) => {
    const answer = await scene.proxy.rest('POST', PROCESS, body);
    expect(answer.status).toBe(status);
    expect(errorOf(answer)).toEqual({ code: status, message: expect.stringContaining(word) as string });
    expect((await scene.proxy.rest('GET', `${PROCESS}/new`)).status).toBe(404);
  });

  it('answers 404 for an unknown camera', async () => {
    for (const [method, path] of [
      ['GET', `${PROCESS}/nobody`],
      ['DELETE', `${PROCESS}/nobody`],
      ['GET', `${PROCESS}/nobody/snapshot.jpg`],
    ] as const) {
      const answer = await scene.proxy.rest(method, path);
      expect(errorOf(answer)).toEqual({ code: 404, message: expect.stringContaining('nobody') as string });
      expect(answer.status).toBe(404);
    }
  });

  it.each([
    ['', '640,480'],
    ['?width=320', '320,240'],
    ['?keyframe=true', '640,480'],
    ['?keyframe=true&width=320', '320,240'],
  ])('answers the newest frame as a JPEG: snapshot.jpg%s', async (query, size) => {
    const response = await fetch(`${scene.proxy.restUrl}${PROCESS}/open/snapshot.jpg${query}`);
    expect(response.headers.get('content-type')).toBe('image/jpeg');
    expect(jpegSize(Buffer.from(await response.arrayBuffer()))).toBe(`mjpeg,${size}`);
  });

  it('streams live JPEGs of the requested width, at about the requested rate', async () => {
    const parts = await mjpegParts(`${scene.proxy.restUrl}${PROCESS}/open/stream.mjpeg?fps=5&width=320`, 6);
    for (const { jpeg, timestamp } of parts) {
      expect(jpegSize(jpeg)).toBe('mjpeg,320,240');
      expect(Math.abs(Date.now() - timestamp)).toBeLessThan(60_000);
    }
    const steps = parts.slice(1).map(({ timestamp }, index) => timestamp - parts[index]!.timestamp);
    expect(Math.min(...steps)).toBeGreaterThan(100);
    expect((parts.at(-1)!.timestamp - parts[0]!.timestamp) / steps.length).toBeLessThan(1000);
  });

  it('sends a slow reader the newest picture, and no backlog', async () => {
    const reader = new MjpegReader(`${scene.proxy.restUrl}${PROCESS}/open/stream.mjpeg`);
    let last = await reader.next();
    const { stats } = await scene.state('open');
    await scene.until('open', 'sends 125 pictures', ({ stats: now }) => now.packets >= stats.packets + 125);
    const resumedMs = Date.now();
    await waitFor('a picture more than a second after the one before', 60_000, async () => {
      const next = await reader.next();
      const step = next!.timestamp - last!.timestamp;
      last = next;
      return step > 1000;
    });
    expect(last!.timestamp).toBeGreaterThan(resumedMs - 2000);
    reader.leave();
  });

  it('continues a live stream when the camera is back, and ends it when the camera is removed', async () => {
    await scene.proxy.addCamera('restless', scene.farm.url('open'));
    await scene.running('restless');
    const reader = new MjpegReader(`${scene.proxy.restUrl}${PROCESS}/restless/stream.mjpeg`);
    await reader.next();
    await scene.farm.disconnect();
    await waitFor(
      'the connection to be lost',
      10_000,
      async () => (await scene.proxy.camera('restless')).status !== 'running',
    );
    await scene.running('restless');
    const backMs = Date.now();
    await waitFor(
      'a picture that is newer than the reconnect',
      10_000,
      async () => (await reader.next())!.timestamp >= backMs,
    );
    await scene.proxy.removeCamera('restless');
    await waitFor('the end of the stream', 10_000, async () => (await reader.next()) === undefined);
    await scene.running('open');
    await scene.running('locked');
  });

  it('shows the port of gRPC', async () => {
    const { text } = await scene.proxy.rest('GET', '/api/v1/info');
    expect(JSON.parse(text)).toMatchObject({ grpc_port: scene.proxy.grpcPort });
  });

  it('keeps the settings and masks the key and the secret', async () => {
    const settings = { name: 'default', edge_key: 'key-of-this-edge', edge_secret: 'very-secret' };
    expect((await scene.proxy.rest('POST', '/api/v1/settings', settings)).status).toBe(200);
    const { text } = await scene.proxy.rest('GET', '/api/v1/settings');
    expect(JSON.parse(text)).toMatchObject({ name: 'default', edge_key: 'key-***' });
    expect(text).not.toContain('very-secret');
    expect(scene.proxy.output).not.toContain('very-secret');
  });

  it('reports that it is alive and ready', async () => {
    expect((await scene.proxy.rest('GET', '/healthz')).status).toBe(200);
    expect((await scene.proxy.rest('GET', '/readyz')).status).toBe(200);
  });
});

function jpegSize(jpeg: Uint8Array): string {
  const probe = ['-v', 'error', '-show_entries', 'stream=codec_name,width,height', '-of', 'csv=p=0', '-i', 'pipe:0'];
  return execFileSync('ffprobe', probe, { input: jpeg, encoding: 'utf8' }).trim();
}

function errorOf(answer: RestAnswer): unknown {
  return JSON.parse(answer.text);
}
