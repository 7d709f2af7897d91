import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { ChrysError } from '../../../src/base/errors.js';
import { startRest, type RestFixture } from './fixture.js';

const YARD = '/api/v1/process/yard';
const URL = 'rtsp://admin:geheim@10.0.0.1/live';

let rest: RestFixture;
beforeEach(async () => {
  rest = await startRest();
  await rest.post('/api/v1/process', { name: 'yard', rtsp_endpoint: URL });
});
afterEach(() => rest.close());

describe('PATCH process', () => {
  it('changes how a camera is connected', async () => {
    const answer = await rest.send('PATCH', YARD, { transport: 'udp', tls_verify: 'none', max_pixels: 5000 });
    expect(answer.status).toBe(200);
    expect(answer.json()).toMatchObject({ chrysproxy: { transport: 'udp', tls_verify: 'none', max_pixels: 5000 } });
    expect(rest.cameras.get('yard').definition).toMatchObject({ transport: 'udp', tlsVerify: 'none', maxPixels: 5000 });
    await rest.send('PATCH', YARD, { max_pixels: null });
    expect(rest.cameras.get('yard').definition).not.toHaveProperty('maxPixels');
    expect(rest.cameras.get('yard').definition).toMatchObject({ transport: 'udp', tlsVerify: 'none' });
  });

  it.each([
    [{ transport: 'sctp' }, 'auto, tcp, udp'],
    [{ tls_verify: 'no' }, 'verify, pin, none'],
    [{ max_pixels: 2 ** 40 }, '268435456'],
  ])('refuses %j and says what is allowed', async (body, allowed) => {
    const answer = await rest.send('PATCH', YARD, body);
    expect(answer.status).toBe(400);
    expect(answer.text).toContain(allowed);
  });
});

describe('POST process/:name/retry', () => {
  it('connects at once, and forgets the learned facts on request', async () => {
    expect((await rest.send('POST', `${YARD}/retry`)).json()).toMatchObject({ name: 'yard' });
    await rest.post(`${YARD}/retry`, { forget: true });
    expect(rest.cameras.retried).toEqual(['yard', 'yard forget']);
  });

  it('refuses unknown cameras and fields', async () => {
    expect((await rest.post('/api/v1/process/nobody/retry', {})).status).toBe(404);
    expect((await rest.post(`${YARD}/retry`, { forget: 1 })).status).toBe(400);
    expect((await rest.get(`${YARD}/retry`)).status).toBe(405);
  });
});

describe('POST probe', () => {
  it('answers the properties of a stream', async () => {
    const answer = await rest.post('/api/v1/probe', { rtsp_endpoint: URL, transport: 'udp', timeout_ms: 3000 });
    expect(answer.json()).toEqual({
      codec: 'h264',
      profile: 'Main',
      width: 640,
      height: 480,
      pixel_format: 'yuv420p',
      fps: 25,
      gop_packets: 50,
      bitrate_kbps: 800,
      transport: 'tcp',
      open_ms: 12,
      camera: null,
    });
    expect(rest.cameras.probed).toMatchObject([
      { url: URL, wish: { transport: 'udp', tlsVerify: 'pin', timeoutMs: 3000 } },
    ]);
  });

  it.each([
    [{}, 'rtsp_endpoint is missing'],
    [{ rtsp_endpoint: URL, transport: 'x' }, 'auto, tcp, udp'],
    [{ rtsp_endpoint: URL, timeout_ms: 1 }, '100'],
    [{ rtsp_endpoint: 'rtsp://admin:***@cam/1' }, 'masked'],
  ])('refuses %j', async (body, says) => {
    const answer = await rest.post('/api/v1/probe', body);
    expect(answer.status).toBe(400);
    expect(answer.text).toContain(says);
  });

  it('answers why a stream cannot be opened', async () => {
    rest.cameras.probeError = new ChrysError('resource_exhausted', "Another client uses the camera's only session");
    const answer = await rest.post('/api/v1/probe', { rtsp_endpoint: URL });
    expect(answer.json()).toEqual({ code: 429, message: "Another client uses the camera's only session" });
  });
});
