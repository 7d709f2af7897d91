import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { RtmpServer } from '../support/rtmp-server.js';
import { FarmScene } from '../support/scene.js';
import { waitFor } from '../support/wait.js';

const BOUND_MS = 30_000;
const WIDTH = 640;
const HEIGHT = 480;
const CLIP_FRAMES = 300;

interface Passthrough {
  readonly wanted: boolean;
  readonly state: string;
  readonly message: string;
  readonly packets: number;
  readonly bytes: number;
  readonly connects: number;
  readonly lost_packets: number;
}

interface Shown {
  readonly rtmp_stream_status: { readonly streaming: boolean; readonly storing: boolean };
  readonly chrysproxy: { readonly passthrough: Passthrough };
}

let scene: FarmScene;
let server: RtmpServer;

beforeAll(async () => {
  server = await RtmpServer.start();
  const cameras = {
    long: 'h264-640x480-25-g250-10s',
    plain: 'h264-640x480-25-g25',
    reordered: 'h264-640x480-25-g50-b2',
    audio: { clip: 'h264-640x480-25-g25', sound: 'aac' },
    hevc: 'hevc-640x360-25-g50',
    changing: { clip: 'h264-640x480-25-g25', then: { clip: 'h264-320x240-25-g50', after: 100 } },
  } as const;
  scene = await FarmScene.start(cameras, { later: Object.keys(cameras) });
});

afterAll(async () => {
  await scene.dispose();
  await server.stop();
});

async function shown(name: string): Promise<Shown> {
  return JSON.parse((await scene.proxy.rest('GET', `/api/v1/process/${name}`)).text) as Shown;
}

async function passthrough(name: string): Promise<Passthrough> {
  return (await shown(name)).chrysproxy.passthrough;
}

async function streams(name: string): Promise<void> {
  await waitFor(`${name} to be sent`, BOUND_MS, async () => {
    return (await shown(name)).rtmp_stream_status.streaming;
  }).catch(async (error: unknown) => {
    throw new Error(JSON.stringify(await passthrough(name)), { cause: error });
  });
}

async function started(name: string, more: Readonly<Record<string, unknown>> = {}): Promise<void> {
  await scene.proxy.addCamera(name, scene.farm.url(name), { rtmp_endpoint: server.url(name), ...more });
  await scene.running(name);
  const answer = await scene.client.unary('Proxy', { device_id: name, passthrough: true });
  expect(answer).toEqual({ device_id: name, passthrough: true });
  await streams(name);
}

function gaps(numbers: readonly (number | 'torn')[], clipFrames = CLIP_FRAMES): number[] {
  return numbers.slice(1).map((number, at) => {
    const before = numbers[at];
    return number === 'torn' || before === undefined || before === 'torn'
      ? NaN
      : (number - before + clipFrames) % clipFrames;
  });
}

describe('passthrough', () => {
  it('begins with the group in progress, and sends every frame once', async () => {
    const name = 'long';
    await scene.proxy.addCamera(name, scene.farm.url(name), { rtmp_endpoint: server.url(name) });
    await scene.running(name);
    // Passthrough starts in the middle of a group of ten seconds, and a viewer is already connected.
    await waitFor(
      'half a second of the group',
      BOUND_MS,
      async () => (await scene.proxy.camera(name)).chrysproxy.stats.packets > 12,
    );
    const viewer = server.play(name, WIDTH, HEIGHT, 50);
    await waitFor('the viewer', BOUND_MS, () => server.connections() > 0);
    const requestedUs = Date.now() * 1000;
    await scene.client.unary('Proxy', { device_id: name, passthrough: true });
    const { numbers, complaints } = await viewer;
    expect(numbers).toEqual(Array.from({ length: 50 }, (_, at) => at));
    expect(scene.farm.pushedAtUs(name, 0)).toBeLessThan(requestedUs);
    expect(complaints).not.toMatch(/error|invalid|missing/i);
    expect(await passthrough(name)).toMatchObject({ wanted: true, state: 'streaming', connects: 1, lost_packets: 0 });
  });

  it('keeps the display order of frames that are sent in another order', async () => {
    await started('reordered');
    const { numbers } = await server.play('reordered', WIDTH, HEIGHT, 60);
    expect(gaps(numbers).filter((gap) => gap !== 1)).toEqual([]);
    const packets = await server.packets('reordered', 1);
    expect(packets.length).toBeGreaterThan(10);
    for (const { pts, dts } of packets) expect(pts).toBeGreaterThanOrEqual(dts);
    const times = packets.map(({ pts }) => Math.round(pts * 1000)).sort((one, other) => one - other);
    // With two B-frames in between, a frame is decoded before two frames that are shown before it.
    expect(packets.filter(({ pts, dts }) => pts - dts > 0.07).length).toBeGreaterThan(packets.length / 5);
    expect(new Set(times).size).toBe(times.length);
  });

  it('sends the audio of a camera when record_audio is set', async () => {
    await started('audio', { record_audio: true });
    const packets = await waitFor('pictures of the stream', BOUND_MS, async () => {
      const found = await server.packets('audio', 2);
      return found.some(({ kind }) => kind === 'video') && found;
    });
    const times = (kind: string): number[] => packets.filter((packet) => packet.kind === kind).map(({ dts }) => dts);
    // The camera sends 25 pictures and 43 to 47 packets of AAC per second.
    expect(times('video').length).toBeGreaterThan(20);
    expect(times('audio').length).toBeGreaterThan(times('video').length * 1.3);
    for (const kind of ['video', 'audio'])
      expect(times(kind)).toEqual([...times(kind)].sort((one, other) => one - other));
  });

  it('opens a new stream when the picture changes', async () => {
    await started('changing');
    await waitFor('the other picture', BOUND_MS, async () => (await passthrough('changing')).connects >= 2);
    const { numbers } = await server.play('changing', 320, 240, 30);
    expect(gaps(numbers).filter((gap) => gap !== 1)).toEqual([]);
  });

  it('stops, keeps its setting after a restart, and shows setting and state separately', async () => {
    await started('plain');
    await scene.client.unary('Proxy', { device_id: 'plain', passthrough: false });
    expect(await passthrough('plain')).toMatchObject({ wanted: false, state: 'off' });
    expect((await shown('plain')).rtmp_stream_status.streaming).toBe(false);
    await scene.proxy.kill9();
    await scene.proxy.resume();
    await streams('audio');
    expect(await passthrough('plain')).toMatchObject({ wanted: false, state: 'off' });
    const { status } = await scene.proxy.rest('PATCH', '/api/v1/process/plain', { passthrough: true });
    expect(status).toBe(200);
    await streams('plain');
    const other = await scene.proxy.rest('PATCH', '/api/v1/process/plain', { rtmp_endpoint: server.url('elsewhere') });
    expect(other.status).toBe(200);
    expect((await server.play('elsewhere', WIDTH, HEIGHT, 10)).numbers).toHaveLength(10);
  });

  it('shows the answer of a server that refuses the stream, and tries again', async () => {
    const rtmp_endpoint = server.url('audio', 'closed').replace('rtmp://', 'rtmp://user:geheim@');
    await scene.proxy.rest('PATCH', '/api/v1/process/audio', { rtmp_endpoint });
    await waitFor('a refusal', BOUND_MS, async () => (await passthrough('audio')).state === 'retrying');
    expect(await passthrough('audio')).toMatchObject({
      wanted: true,
      message: expect.stringContaining('failed') as string,
    });
    expect((await shown('audio')).rtmp_stream_status.streaming).toBe(false);
    expect(scene.proxy.output + JSON.stringify(await shown('audio'))).not.toContain('geheim');
  });

  it('refuses cameras whose stream cannot be sent, with the reason', async () => {
    const refused = async (request: object) =>
      await scene.client.unary('Proxy', request).catch((error: unknown) => error);
    expect(await refused({ device_id: '', passthrough: true })).toMatchObject({ code: 3 });
    expect(await refused({ device_id: 'nobody', passthrough: true })).toMatchObject({ code: 5 });
    await scene.proxy.addCamera('hevc', scene.farm.url('hevc'));
    await scene.running('hevc');
    const without = await refused({ device_id: 'hevc', passthrough: true });
    expect(without).toMatchObject({ code: 9, details: expect.stringContaining('rtmp_endpoint') as string });
    await scene.proxy.rest('PATCH', '/api/v1/process/hevc', { rtmp_endpoint: server.url('hevc') });
    const hevc = await refused({ device_id: 'hevc', passthrough: true });
    expect(hevc).toMatchObject({ code: 9, details: expect.stringContaining('Enhanced RTMP') as string });
    const http = await scene.proxy.rest('PATCH', '/api/v1/process/hevc', { rtmp_endpoint: 'http://cloud/live' });
    expect(http.status).toBe(400);
  });
});
