/** The clip and the snapshot of an annotation, from a real camera to files and to a receiver. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Farm } from '../farm/farm.js';
import { AnnotationReceiver } from '../support/annotation-receiver.js';
import { annotate, KEYS } from '../support/annotations.js';
import { readBarcode } from '../support/barcode.js';
import { runCli } from '../support/cli.js';
import { convertToBgr } from '../support/ffmpeg.js';
import { failure, type Frame, ImageClient } from '../support/grpc-client.js';
import { listed, probe } from '../support/history.js';
import { Proxy } from '../support/proxy.js';
import { numbersIn } from '../support/segments.js';
import { waitFor } from '../support/wait.js';

const [WIDTH, HEIGHT, FPS, CLIP_FRAMES] = [640, 480, 25, 300];
const BOUND_MS = 60_000;
const ANNOTATIONS = '/api/v1/annotations';

interface Evidence {
  readonly state: string;
  readonly reason: string | null;
  readonly clip: { readonly from: number; readonly to: number; readonly bytes: number } | null;
  readonly snapshot: { readonly frame_id: number; readonly timestamp: number; readonly bytes: number } | null;
}

let farm: Farm;
let proxy: Proxy;
let client: ImageClient;

beforeAll(async () => {
  farm = await Farm.start({
    mounts: [
      { path: 'yard', clip: 'h264-640x480-25-g50' },
      { path: 'reordered', clip: 'h264-640x480-25-g50-b2' },
    ],
  });
});
afterAll(() => farm.stop());
afterEach(async () => {
  client.close();
  await proxy.dispose();
});

async function start(config: Readonly<Record<string, unknown>>, cameras: readonly string[] = ['yard']): Promise<void> {
  proxy = await Proxy.start({ config: { annotation: { mode: 'local' }, ...config } });
  for (const camera of cameras) await proxy.addCamera(camera, farm.url(camera));
  for (const camera of cameras) await proxy.cameraIsRunning(camera);
  client = new ImageClient(proxy.grpcAddress, 'unary');
}

const frameOf = (camera = 'yard'): Promise<Frame> => client.frame({ device_id: camera });

const shownBy = (frame: Frame): number | 'torn' => readBarcode(frame.data, frame.width, frame.height);

async function idOf(call: Promise<unknown>): Promise<string> {
  return ((await call) as { id: string }).id;
}

async function evidenceOf(id: string): Promise<Evidence> {
  const { status: code, text } = await proxy.rest('GET', `${ANNOTATIONS}/${id}`);
  if (code !== 200) throw new Error(`annotation ${id}: ${code} ${text}`);
  return (JSON.parse(text) as { evidence: Evidence }).evidence;
}

const made = (id: string): Promise<Evidence> =>
  waitFor(`evidence ${id} to be made`, BOUND_MS, async () => {
    const evidence = await evidenceOf(id);
    return evidence.state !== 'pending' && evidence;
  });

/** Waits until the packet ring of the camera has more than `ms` milliseconds. */
const memoryHas = (ms: number): Promise<unknown> =>
  waitFor(`${ms} ms in memory`, BOUND_MS, async () => {
    const { start_time: from, end_time: to } = (await probe(client, 'yard')).buffer;
    return to - from > ms;
  });

async function file(id: string, name: string): Promise<Buffer> {
  // A new connection, because the server may be closing an idle one at this moment.
  const response = await fetch(`${proxy.restUrl}${ANNOTATIONS}/${id}/${name}`, { headers: { connection: 'close' } });
  const bytes = Buffer.from(await response.arrayBuffer());
  if (response.status !== 200) throw new Error(`${name}: ${response.status} ${bytes.toString()}`);
  return bytes;
}

async function shownIn(jpeg: Buffer): Promise<number | 'torn'> {
  return readBarcode(await convertToBgr(jpeg, 'jpeg', WIDTH, HEIGHT), WIDTH, HEIGHT);
}

async function shownInClip(clip: Buffer): Promise<(number | 'torn')[]> {
  const path = join(proxy.folder, 'clip.mp4');
  writeFileSync(path, clip);
  return numbersIn(path, WIDTH, HEIGHT);
}

/**
 * Expects that the clip shows every frame that arrived in the range, and no other. With B-frames, a frame that is shown
 * between the first two may have arrived shortly before the range.
 */
async function expectExactly(clip: Buffer, camera: string, of: Frame, from: number, to: number): Promise<void> {
  const rows = await listed(proxy, camera, `?from=${from - 1000}&to=${to}&limit=10000`);
  const inside = rows.filter(({ timestamp }) => timestamp >= from).map(({ frame_id: id }) => id);
  expect(inside.length).toBeGreaterThan(((to - from) / 1000) * FPS - FPS / 2);
  const first = Math.min(...inside);
  const shown = rows.map(({ frame_id: id }) => id).filter((id) => id >= first);
  const numberOf = (id: number): number => (Number(shownBy(of)) + id - of.frame_id + CLIP_FRAMES) % CLIP_FRAMES;
  expect(await shownInClip(clip)).toEqual(shown.map(numberOf));
}

describe.each([
  ['in memory', { in_memory: 400 }],
  ['on disk', { on_disk: true, on_disk_clean_older_than: '1h' }],
])('evidence from pictures %s', (_where, buffer) => {
  it('is a clip of exactly the range, and the annotated frame', async () => {
    await start({ buffer }, ['yard', 'reordered']);
    await waitFor(
      '60 frames in the history',
      BOUND_MS,
      async () => (await listed(proxy, 'reordered', '?limit=10000')).length > 60,
    );
    const calls: [string, Frame, Promise<string>][] = [];
    for (const camera of ['yard', 'reordered']) {
      const frame = await frameOf(camera);
      const fields = {
        start_timestamp: frame.timestamp,
        evidence_before_ms: 1500,
        evidence_after_ms: 1300,
        evidence_snapshot: true,
        evidence_frame_id: frame.frame_id,
      };
      calls.push([camera, frame, idOf(annotate(client, camera, fields))]);
    }
    for (const [camera, frame, call] of calls) {
      const id = await call;
      const evidence = await made(id);
      expect(evidence).toMatchObject({ state: 'ready', reason: null });
      const clip = await file(id, 'clip.mp4');
      expect(evidence.clip!.bytes).toBe(clip.length);
      const [from, to] = [frame.timestamp - 1500, frame.timestamp + 1300];
      expect(evidence.clip!.from - from).toBeLessThan(500);
      expect(to - evidence.clip!.to).toBeLessThan(500);
      await expectExactly(clip, camera, frame, from, to);
      const jpeg = await file(id, 'snapshot.jpg');
      expect(evidence.snapshot).toEqual({ frame_id: frame.frame_id, timestamp: frame.timestamp, bytes: jpeg.length });
      expect(await shownIn(jpeg)).toBe(shownBy(frame));
    }
  });
});

describe('evidence', () => {
  it('without a frame id has the frame of the timestamp, and is ready at once', async () => {
    await start({ buffer: { in_memory: 200 } });
    await memoryHas(2000);
    const frame = await frameOf();
    const fields = { start_timestamp: frame.timestamp, evidence_before_ms: 1000, evidence_snapshot: true };
    const id = await idOf(annotate(client, 'yard', fields));
    expect(await made(id)).toMatchObject({ state: 'ready', reason: null, snapshot: { frame_id: frame.frame_id } });
    await expectExactly(await file(id, 'clip.mp4'), 'yard', frame, frame.timestamp - 1000, frame.timestamp);
    const part = await fetch(`${proxy.restUrl}${ANNOTATIONS}/${id}/clip.mp4`, { headers: { range: 'bytes=4-7' } });
    expect([part.status, await part.text()]).toEqual([206, 'ftyp']);

    const out = join(proxy.folder, 'out');
    const cli = await runCli(proxy, ['annotations', 'evidence', id, '--out', out]);
    expect(cli).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/State: +ready/) });
    expect(readdirSync(out).sort()).toEqual([`${id}.jpg`, `${id}.mp4`]);
  });

  it('that was not requested, is unknown or is pending is refused with a reason', async () => {
    await start({ buffer: { in_memory: 100 }, annotation: { mode: 'local', evidence_max_ms: 20_000 } });
    const ask = (fields: object): Promise<{ code: number; details: string }> =>
      failure(annotate(client, 'yard', { ...fields }));
    expect(await ask({ evidence_before_ms: -1 })).toMatchObject({ code: status.INVALID_ARGUMENT });
    const long = await ask({ evidence_before_ms: 15_000, evidence_after_ms: 5001 });
    expect(long).toMatchObject({ code: status.INVALID_ARGUMENT, details: expect.stringContaining('which is 20000') });
    const none = await failure(annotate(client, 'nobody', { evidence_snapshot: true }));
    expect(none).toMatchObject({ code: status.NOT_FOUND, details: expect.stringContaining('"nobody"') });

    const pending = await idOf(annotate(client, 'yard', { evidence_after_ms: 15_000 }));
    const early = await proxy.rest('GET', `${ANNOTATIONS}/${pending}/clip.mp4`);
    expect([early.status, early.text]).toEqual([503, expect.stringContaining('still being made')]);
    expect((await proxy.rest('GET', `${ANNOTATIONS}/${pending}/snapshot.jpg`)).status).toBe(404);
    expect((await proxy.rest('GET', `${ANNOTATIONS}/nonsense`)).status).toBe(400);

    const gone = { start_timestamp: Date.now() - 3_600_000, evidence_before_ms: 1000, evidence_snapshot: true };
    const id = await idOf(annotate(client, 'yard', gone));
    const evidence = await made(id);
    expect(evidence).toMatchObject({ state: 'failed', clip: null, snapshot: null });
    expect(evidence.reason).toMatch(/no pictures of camera "yard".*started at/);
    expect(evidence.reason).toMatch(/snapshot could not be made: .* neither in memory nor on disk/);
    const late = await proxy.rest('GET', `${ANNOTATIONS}/${id}/clip.mp4`);
    expect([late.status, late.text]).toEqual([404, expect.stringContaining('no pictures of camera')]);
  });

  it('has the reason for a missing part that is older than the memory', async () => {
    await start({ buffer: { in_memory: 1 } });
    await memoryHas(500);
    const frame = await frameOf();
    const id = await idOf(annotate(client, 'yard', { start_timestamp: frame.timestamp, evidence_before_ms: 20_000 }));
    const evidence = await made(id);
    expect(evidence.state).toBe('ready');
    expect(evidence.clip!.from).toBeGreaterThan(frame.timestamp - 20_000);
    expect(evidence.reason).toContain(`The clip begins at ${evidence.clip!.from} `);
    await expectExactly(await file(id, 'clip.mp4'), 'yard', frame, evidence.clip!.from, frame.timestamp);
  });

  it('is made after kill -9, from segments that retention would have deleted', async () => {
    const buffer = { on_disk: true, on_disk_clean_older_than: '3s', on_disk_schedule: '@every 1s' };
    await start({ buffer });
    const files = (): string[] => readdirSync(join(proxy.dataDir, 'archive/yard')).filter((name) => /^\d/.test(name));
    const [first] = await waitFor(
      'a segment',
      BOUND_MS,
      () => existsSync(join(proxy.dataDir, 'archive/yard')) && files().length > 0 && files(),
    );
    const startMs = Number(first!.split('_')[0]);
    const rows = await listed(proxy, 'yard', `?from=${startMs}&to=${startMs + 1500}&limit=100`);
    const frame = await client
      .all('VideoBufferedImage', {
        device_id: 'yard',
        timestamp_from: rows[0]!.timestamp,
        timestamp_to: rows[0]!.timestamp,
      })
      .then((frames) => (frames as Frame[])[0]!);
    const at = rows[25]!.timestamp;
    const id = await idOf(
      annotate(client, 'yard', { start_timestamp: at, evidence_before_ms: 800, evidence_after_ms: 15_000 }),
    );
    await proxy.kill9();
    await proxy.resume();
    await proxy.cameraIsRunning('yard', BOUND_MS);
    expect((await evidenceOf(id)).state).toBe('pending');
    const evidence = await made(id);
    expect(evidence.state).toBe('ready');
    expect(evidence.clip!.from).toBe(at - 800);
    expect(evidence.reason).toContain('There are gaps in the clip');
    const numbers = await shownInClip(await file(id, 'clip.mp4'));
    const before = rows.filter(({ timestamp }) => timestamp >= at - 800).map(({ frame_id: frameId }) => frameId);
    expect(numbers.slice(0, before.length)).toEqual(
      before.map((frameId) => (Number(shownBy(frame)) + frameId - frame.frame_id) % CLIP_FRAMES),
    );
    // The segment is no longer protected.
    await waitFor('the segment to be deleted', BOUND_MS, () => !files().includes(first!));
  });

  it('that was lost with the memory of a killed proxy has the reason, and keeps a snapshot that was made before', async () => {
    await start({ buffer: { in_memory: 100 } });
    const frame = await frameOf();
    const fields = { start_timestamp: frame.timestamp, evidence_after_ms: 4000, evidence_snapshot: true };
    const id = await idOf(annotate(client, 'yard', { ...fields, evidence_frame_id: frame.frame_id }));
    await waitFor('the picture', BOUND_MS, async () => (await evidenceOf(id)).snapshot);
    expect(await shownIn(await file(id, 'snapshot.jpg'))).toBe(shownBy(frame));
    await proxy.removeCamera('yard');
    await proxy.kill9();
    await proxy.resume();
    const evidence = await made(id);
    expect(evidence).toMatchObject({ state: 'ready', clip: null, snapshot: { frame_id: frame.frame_id } });
    expect(evidence.reason).toContain('There is no clip: no pictures of camera "yard"');
    expect(await shownIn(await file(id, 'snapshot.jpg'))).toBe(shownBy(frame));
  });

  it('is sent with its annotation, signed, and the next annotation of the camera waits for it', async () => {
    const receiver = await AnnotationReceiver.start();
    try {
      const annotation = { endpoint: receiver.url, poll_duration_ms: 50, send_evidence: true };
      await start({ annotation, buffer: { in_memory: 300 } });
      await proxy.rest('POST', '/api/v1/settings', KEYS);
      await memoryHas(1000);
      receiver.fault = { kind: 'status', status: 503 };
      const frame = await frameOf();
      const first = await idOf(annotate(client, 'yard', { custom_meta_1: '0' }));
      const fields = { evidence_before_ms: 500, evidence_after_ms: 1000, evidence_snapshot: true };
      const id = await idOf(
        annotate(client, 'yard', { ...fields, start_timestamp: frame.timestamp, custom_meta_1: '1' }),
      );
      const gone = { start_timestamp: Date.now() - 3_600_000, evidence_snapshot: true, custom_meta_1: '2' };
      const lost = await idOf(annotate(client, 'yard', gone));
      const last = await idOf(annotate(client, 'yard', { custom_meta_1: '3' }));
      await annotate(client, 'other', { custom_meta_1: 'not held' });
      await waitFor('a refusal', BOUND_MS, () => receiver.batches.length > 0);
      receiver.fault = undefined;
      await waitFor('all annotations to be accepted', BOUND_MS, () => receiver.ids.size === 5);
      expect(receiver.firstOf('yard')).toEqual(['0', '1', '2', '3']);
      expect(receiver.complaints).toEqual([]);
      expect([...receiver.parts.keys()]).toEqual([id]);
      const [clip, jpeg] = receiver.parts.get(id)!;
      expect(clip).toMatchObject({ name: 'clip', contentType: 'video/mp4', bytes: await file(id, 'clip.mp4') });
      expect(jpeg).toMatchObject({
        name: 'snapshot',
        contentType: 'image/jpeg',
        bytes: await file(id, 'snapshot.jpg'),
      });
      expect(await shownIn(jpeg!.bytes)).toBe(shownBy(frame));
      const sentWith = (sentId: string): unknown => receiver.accepted.find((one) => one.id === sentId)!['evidence'];
      const sha256 = createHash('sha256').update(clip!.bytes).digest('hex');
      expect(sentWith(id)).toMatchObject({
        state: 'ready',
        frame_id: frame.frame_id,
        parts: [{ name: 'clip', sha256 }, { name: 'snapshot' }],
      });
      expect(sentWith(lost)).toMatchObject({
        state: 'failed',
        parts: [],
        reason: expect.stringContaining('neither in memory'),
      });
      expect([sentWith(first), sentWith(last)]).toEqual([undefined, undefined]);
    } finally {
      await receiver.stop();
    }
  });
});
