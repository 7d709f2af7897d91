/** Annotations from a client to a receiver that fails in every way: no acknowledged annotation is lost. */
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AnnotationReceiver, KEY, SECRET, type Fault } from '../support/annotation-receiver.js';
import { annotate, annotationsStatus, KEYS } from '../support/annotations.js';
import { runCli } from '../support/cli.js';
import { failure, ImageClient } from '../support/grpc-client.js';
import { Proxy, type ProxyOptions } from '../support/proxy.js';
import { pythonClient } from '../support/python.js';
import { waitFor } from '../support/wait.js';

const BOUND_MS = 30_000;
const CAMERAS = ['one', 'two', 'three'];
const PER_CAMERA = 20;

let receiver: AnnotationReceiver;
let proxy: Proxy;
let client: ImageClient;

async function start(
  annotation: Readonly<Record<string, unknown>> = {},
  within?: NonNullable<ProxyOptions['within']>,
): Promise<void> {
  const quick = { poll_duration_ms: 50, timeout_ms: 1000, max_batch_size: 16, unacked_limit: 50 };
  proxy = await Proxy.start({
    config: { api: { endpoint: receiver.base }, annotation: { endpoint: receiver.url, ...quick, ...annotation } },
    ...(within === undefined ? {} : { within }),
  });
  await proxy.rest('POST', '/api/v1/settings', KEYS);
  client = new ImageClient(proxy.grpcAddress, 'unary');
}

beforeEach(async () => {
  receiver = await AnnotationReceiver.start();
});

afterEach(async () => {
  client.close();
  await proxy.dispose();
  await receiver.stop();
  expect(receiver.complaints).toEqual([]);
});

const allDelivered = (count: number): Promise<unknown> =>
  waitFor(`${count} annotations to be delivered`, BOUND_MS, async () => {
    const { delivered, queued } = await annotationsStatus(proxy);
    return delivered === count && queued === 0;
  });

/** Sends PER_CAMERA annotations for each camera, numbered in custom_meta_1, the cameras in turn. */
async function annotateAll(): Promise<void> {
  for (let number = 0; number < PER_CAMERA; number += 1) {
    await Promise.all(CAMERAS.map((camera) => annotate(client, camera, { custom_meta_1: String(number) })));
  }
}

const NUMBERS = Array.from({ length: PER_CAMERA }, (_, number) => String(number));

describe('an annotation', () => {
  beforeEach(() => start());

  it('arrives with every field under its name, without empty fields, and with an id', async () => {
    const now = Date.now();
    const request = {
      device_name: 'yard',
      remote_stream_id: 'stream',
      type: 'moving',
      start_timestamp: now,
      end_timestamp: now + 10,
      object_type: 'person',
      object_id: 'p1',
      object_tracking_id: 't1',
      confidence: 0.75,
      object_bouding_box: { top: 0, left: 2, width: 3, height: 4 },
      location: { lat: 46.05, lon: 0 },
      object_coordinate: { x: 1, y: 2, z: 3 },
      mask: [
        { x: 1, y: 2, z: 0 },
        { x: 3, y: 4, z: 5.5 },
      ],
      object_signature: [0.25, -1],
      ml_model: 'yolo',
      ml_model_version: '8',
      width: 640,
      height: 480,
      is_keyframe: true,
      video_type: 'live',
      offset_timestamp: 5,
      offset_duration: 6,
      offset_frame_id: 7,
      offset_packet_id: 8,
      custom_meta_1: 'ä',
      custom_meta_5: 'e',
    };
    expect(await client.unary('Annotate', request)).toEqual({
      device_name: 'yard',
      remote_stream_id: 'stream',
      type: 'moving',
      start_timestamp: now,
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    await client.unary('Annotate', { device_name: 'door', type: 'x', start_timestamp: now, confidence: 0 });
    await allDelivered(2);
    const { is_keyframe: keyframe, ...others } = request;
    expect(receiver.accepted).toEqual([
      { id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-/), ...others, is_keyrame: keyframe },
      { id: expect.any(String), device_name: 'door', type: 'x', start_timestamp: now },
    ]);
    expect(receiver.accepted[0]!.id < receiver.accepted[1]!.id).toBe(true);
  });

  it.each([
    ['without device_name', { device_name: '' }, /device_name is missing/],
    ['without type', { type: '' }, /type is missing/],
    ['without start_timestamp', { start_timestamp: 0 }, /start_timestamp: 0 .* 7 days/],
    ['of more than 7 days ago', { start_timestamp: Date.now() - 7.01 * 86_400_000 }, /within 7 days/],
    ['of more than 7 days ahead', { start_timestamp: Date.now() + 7.01 * 86_400_000 }, /within 7 days/],
    ['with a confidence that is not a number', { confidence: NaN }, /confidence: /],
  ])('%s is INVALID_ARGUMENT', async (_what, fields, message) => {
    const refusal = await failure(annotate(client, 'yard', fields));
    expect(refusal).toMatchObject({ code: status.INVALID_ARGUMENT, details: expect.stringMatching(message) });
  });

  it('of nearly 7 days ago or ahead is accepted', async () => {
    await annotate(client, 'yard', { start_timestamp: Date.now() - 6.99 * 86_400_000 });
    await annotate(client, 'yard', { start_timestamp: Date.now() + 6.99 * 86_400_000 });
    await allDelivered(2);
  });

  it('without an edge key is FAILED_PRECONDITION with advice on how to set it', async () => {
    await proxy.rest('POST', '/api/v1/settings', { edge_key: '', edge_secret: '' });
    const refusal = await failure(annotate(client, 'yard'));
    expect(refusal).toMatchObject({
      code: status.FAILED_PRECONDITION,
      details: expect.stringMatching(/cloud set-key.*\/api\/v1\/settings/),
    });
  });

  it('of a Python client arrives', async () => {
    const { exitCode, lines, complaints } = await pythonClient(
      proxy.grpcAddress,
      '--annotate',
      '5',
      '--device',
      'yard',
    );
    expect(complaints).toBe('');
    expect(exitCode).toBe(0);
    expect(lines.map(({ device_name: name }) => name)).toEqual(Array(5).fill('yard'));
    await allDelivered(5);
    expect(receiver.firstOf('yard')).toEqual(['0', '1', '2', '3', '4']);
    expect(receiver.accepted[0]).toMatchObject({ mask: [{ x: 1, y: 2, z: 3 }], is_keyrame: true, confidence: 0.5 });
  });
});

describe('acknowledged annotations arrive in order, and repetitions have the same id, when the receiver', () => {
  beforeEach(() => start());

  it.each<[string, Fault]>([
    ['answers 500', { kind: 'status', status: 500 }],
    ['answers 429', { kind: 'status', status: 429, headers: { 'retry-after': '1' } }],
    ['answers 408', { kind: 'status', status: 408 }],
    ['answers 401', { kind: 'status', status: 401 }],
    ['redirects', { kind: 'status', status: 307, headers: { location: 'http://127.0.0.1:1/' } }],
    ['hangs', { kind: 'hang' }],
    ['answers too slowly', { kind: 'drip' }],
    ['accepts them and resets the connection', { kind: 'reset' }],
    ['accepts only small batches', { kind: 'too_many', max: 3 }],
  ])('%s', async (_what, fault) => {
    receiver.fault = fault;
    await annotateAll();
    if (fault.kind !== 'too_many') {
      await waitFor('a batch to fail', BOUND_MS, () => receiver.batches.length > 0);
      await waitFor('the error', BOUND_MS, async () => (await annotationsStatus(proxy)).last_error !== null);
      expect((await annotationsStatus(proxy)).delivered).toBe(0);
      receiver.fault = undefined;
      // As an operator who corrects the key would do.
      if (fault.kind === 'status' && fault.status === 401) await proxy.rest('POST', '/api/v1/settings', KEYS);
    }
    await allDelivered(PER_CAMERA * CAMERAS.length);
    for (const camera of CAMERAS) expect(receiver.firstOf(camera)).toEqual(NUMBERS);
    expect(receiver.ids.size).toBe(PER_CAMERA * CAMERAS.length);
    for (const { ids } of receiver.batches) expect(ids.length).toBeLessThanOrEqual(16);
    expect((await annotationsStatus(proxy)).set_aside).toBe(0);
  });

  it('is away while the proxy is killed and started again', async () => {
    await receiver.stop();
    await annotateAll();
    await proxy.kill9();
    await proxy.resume();
    expect(await annotationsStatus(proxy)).toMatchObject({ queued: PER_CAMERA * CAMERAS.length, delivered: 0 });
    await receiver.listen();
    await allDelivered(PER_CAMERA * CAMERAS.length);
    for (const camera of CAMERAS) expect(receiver.firstOf(camera)).toEqual(NUMBERS);
  });
});

describe('an annotation that the receiver refuses', () => {
  beforeEach(() => start());

  it('is set aside with the reason while the others arrive, and is sent again when it is requeued', async () => {
    receiver.fault = { kind: 'poison' };
    await Promise.all(NUMBERS.map((number) => annotate(client, 'yard', { custom_meta_1: number })));
    await annotate(client, 'yard', { custom_meta_1: 'poison' });
    await annotate(client, 'yard', { custom_meta_1: 'last' });
    await allDelivered(PER_CAMERA + 1);
    expect(await annotationsStatus(proxy)).toMatchObject({ set_aside: 1, queued: 0, paused: null });

    const listed = await runCli(proxy, ['annotations', 'set-aside', '--json']);
    const [poison] = JSON.parse(listed.stdout) as {
      id: string;
      reason: string;
      annotation: { custom_meta_1: string };
    }[];
    expect(poison).toMatchObject({ reason: expect.stringContaining('400 (the receiver says 400)') });
    expect(poison!.annotation.custom_meta_1).toBe('poison');
    expect((await runCli(proxy, ['annotations', 'set-aside'])).stdout).toContain(poison!.id);

    receiver.fault = undefined;
    const requeued = await runCli(proxy, ['annotations', 'requeue', poison!.id]);
    expect(requeued.stdout).toBe('1 annotations are queued again.\n');
    await allDelivered(PER_CAMERA + 2);
    expect(receiver.firstOf('yard').at(-1)).toBe('poison');
    expect(await annotationsStatus(proxy)).toMatchObject({ set_aside: 0 });
  });

  it('like all others does not empty the queue: sending pauses, because the endpoint may be wrong', async () => {
    receiver.fault = { kind: 'status', status: 404 };
    await Promise.all(NUMBERS.map((number) => annotate(client, 'yard', { custom_meta_1: number })));
    const { paused } = await waitFor('the pause', BOUND_MS, async () => {
      const found = await annotationsStatus(proxy);
      return found.paused === null ? undefined : found;
    });
    expect(paused).toMatch(/annotation\.endpoint may be wrong/);
    expect((await annotationsStatus(proxy)).queued).toBeGreaterThan(0);
    receiver.fault = undefined;
    await waitFor('an empty queue', BOUND_MS, async () => (await annotationsStatus(proxy)).queued === 0);
    await proxy.rest('POST', '/api/v1/annotations/set-aside/requeue', { all: true });
    await allDelivered(PER_CAMERA);
    expect(receiver.ids.size).toBe(PER_CAMERA);
  });
});

describe('the queue', () => {
  it('refuses annotations beyond annotation.max_queue, and accepts them when there is room again', async () => {
    await start({ max_queue: 10 });
    receiver.fault = { kind: 'status', status: 503 };
    for (let number = 0; number < 10; number += 1) await annotate(client, 'yard', { custom_meta_1: String(number) });
    const refusal = await failure(annotate(client, 'yard'));
    expect(refusal).toMatchObject({ code: status.RESOURCE_EXHAUSTED, details: expect.stringContaining('max_queue') });
    receiver.fault = undefined;
    await allDelivered(10);
    await annotate(client, 'yard', { custom_meta_1: '10' });
    await allDelivered(11);
    expect(receiver.firstOf('yard')).toHaveLength(11);
  });

  it('loses no acknowledged annotation when the proxy stops', async () => {
    await start();
    const acknowledged: string[] = [];
    let refused = 0;
    const senders = CAMERAS.map(async (camera) => {
      for (let number = 0; refused < 1; number += 1) {
        try {
          await annotate(client, camera, { custom_meta_1: String(number) });
          acknowledged.push(`${camera} ${number}`);
        } catch {
          refused += 1;
        }
      }
    });
    await waitFor('100 annotations to be acknowledged', BOUND_MS, () => acknowledged.length > 100);
    expect(await proxy.end()).toBe(0);
    await Promise.all(senders);
    await proxy.resume();
    await waitFor('an empty queue', BOUND_MS, async () => (await annotationsStatus(proxy)).queued === 0);
    const arrived = new Set(receiver.accepted.map((one) => `${one.device_name} ${one.custom_meta_1 ?? ''}`));
    expect(acknowledged.filter((one) => !arrived.has(one))).toEqual([]);
  });
});

describe('the disk', () => {
  it('that is full makes the proxy refuse annotations, lose none, and accept more when there is room again', async () => {
    // A small disk that only the proxy's processes see.
    const mount = 'mount -t tmpfs -o size=8m none "$0" && exec "$@"';
    await start({}, (folder) => {
      const disk = join(folder, 'data');
      mkdirSync(disk, { recursive: true });
      return ['unshare', '-rm', 'sh', '-c', mount, disk];
    });
    const filler = join(`/proc/${proxy.pid}/root`, proxy.dataDir, 'filler');
    await annotate(client, 'yard');
    await allDelivered(1);
    fill(filler);
    let acknowledged = 1;
    const refusal = await waitFor('the disk to be full', BOUND_MS, async () => {
      const call = annotate(client, 'yard', { custom_meta_1: 'x'.repeat(10_000) });
      const outcome = await failure(call).catch(() => undefined);
      if (outcome === undefined) acknowledged += 1;
      return outcome;
    });
    expect(refusal).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      details: expect.stringMatching(/disk .* is full.*free some space/),
    });
    rmSync(filler);
    await annotate(client, 'yard');
    await allDelivered(acknowledged + 1);
    expect(receiver.ids.size).toBe(acknowledged + 1);
  });

  it('that has damaged the database prevents the start of the proxy, and the file is not changed', async () => {
    await start();
    await proxy.end();
    const file = join(proxy.dataDir, 'annotations.db');
    writeFileSync(file, 'this is no database');
    await expect(proxy.resume()).rejects.toThrow(/annotations.db is damaged .* It was left as it is/);
    expect(readFileSync(file, 'utf8')).toBe('this is no database');
    rmSync(file);
    await proxy.resume();
  });
});

describe('local mode', () => {
  it('needs no key, sends nothing, and answers queries', async () => {
    await start({ mode: 'local' });
    await proxy.rest('POST', '/api/v1/settings', { edge_key: '', edge_secret: '' });
    const now = Date.now();
    for (let number = 0; number < 5; number += 1) {
      await annotate(client, 'yard', { start_timestamp: now + number, custom_meta_1: String(number) });
    }
    await annotate(client, 'yard', { type: 'still', start_timestamp: now + 2 });
    await annotate(client, 'door', { start_timestamp: now });
    const numbers = async (query: string): Promise<{ found: unknown[]; next: string | null }> => {
      const answer = JSON.parse((await proxy.rest('GET', `/api/v1/annotations?${query}`)).text) as {
        annotations: { camera: string; state: string; annotation: { custom_meta_1?: string } }[];
        next: string | null;
      };
      expect(answer.annotations.every(({ state }) => state === 'local')).toBe(true);
      return { found: answer.annotations.map(({ annotation }) => annotation.custom_meta_1), next: answer.next };
    };
    expect((await numbers('')).found).toHaveLength(7);
    expect(await numbers(`camera=yard&type=moving&from=${now + 1}&to=${now + 3}`)).toEqual({
      found: ['1', '2', '3'],
      next: null,
    });
    const first = await numbers('camera=yard&type=moving&limit=2');
    expect(first.found).toEqual(['0', '1']);
    expect((await numbers(`camera=yard&type=moving&limit=9&after=${first.next ?? ''}`)).found).toEqual(['2', '3', '4']);
    expect(await annotationsStatus(proxy)).toMatchObject({ mode: 'local', queued: 0, kept: 7, delivered: 0 });
    expect(receiver.batches).toEqual([]);
  });
});

describe('cloud check', () => {
  beforeEach(() => start());

  it('reports that everything works', async () => {
    const { exitCode, stdout } = await runCli(proxy, ['cloud', 'check']);
    expect(stdout).toContain('it accepts annotations');
    expect(exitCode).toBe(0);
  });

  it('reports each problem', async () => {
    const checks = async (): Promise<unknown[]> =>
      (JSON.parse((await proxy.rest('POST', '/api/v1/cloud/check')).text) as { checks: unknown[] }).checks;
    const problem = async (): Promise<unknown> => (await checks())[0];
    receiver.secret = 'another';
    expect(await problem()).toMatchObject({ ok: false, problem: 'forbidden', status: 401 });
    const { exitCode, stderr } = await runCli(proxy, ['cloud', 'set-key', KEY], 'another\n');
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(await problem()).toMatchObject({ ok: true });
    const date = new Date(Date.now() - 3_600_000).toUTCString();
    receiver.fault = { kind: 'status', status: 200, headers: { date } };
    expect(await problem()).toMatchObject({ ok: true, message: expect.stringMatching(/clock .* 36\d\d s ahead/) });
    receiver.fault = { kind: 'hang' };
    expect(await problem()).toMatchObject({ ok: false, problem: 'timeout', status: null });
    receiver.fault = undefined;
    // The storage endpoint is checked only when a camera has an RTMP endpoint. The receiver has no such route.
    await proxy.addCamera('yard', 'rtsp://127.0.0.1:1/x', { rtmp_endpoint: 'rtmp://127.0.0.1/live/stream-key' });
    expect(await checks()).toMatchObject([{ of: 'annotations' }, { of: 'storage', ok: true, status: 404 }]);
    receiver.secret = SECRET;
    await receiver.stop();
    expect(await problem()).toMatchObject({ ok: false, problem: 'refused' });
    await receiver.listen();
  });
});

function fill(path: string): void {
  try {
    for (;;) appendFileSync(path, Buffer.alloc(4096));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}
