import { Validator } from '@seriousme/openapi-schema-validator';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ShownAnnotation } from '../../../src/annotations/annotation.js';
import { ROUTE_TABLE } from '../../../src/rest/route-table/index.js';
import { openApiDocument } from '../../../src/rest/route-table/openapi.js';
import { CHECKED_ROUTES, checkAnswer } from '../../support/rest-answers.js';
import { annotation } from '../annotations/fixture.js';
import { fakeSegment } from '../recording/recordings-fixture.js';
import { NOW_MS, startRest, type RestFixture } from './fixture.js';

const ROUTES = ROUTE_TABLE.flatMap(({ routes }) => Object.entries(routes));

describe('the route table', () => {
  it('names each operation and each method of a path once', () => {
    const ids = ROUTES.map(([id]) => id);
    const places = ROUTES.map(([, { method, path }]) => `${method} ${path}`);
    expect(new Set(ids).size).toBe(ids.length);
    expect(new Set(places).size).toBe(places.length);
  });

  it('lets only an admin add or remove cameras or see the keys', () => {
    const roles = Object.fromEntries(ROUTES.map(([id, { role }]) => [id, role]));
    expect(roles).toMatchObject({
      addCamera: 'admin',
      removeCamera: 'admin',
      getSettings: 'admin',
      saveSettings: 'admin',
    });
    expect(ROUTES.filter(([, { role }]) => role === 'public').map(([id]) => id)).toEqual([
      'getHealth',
      'getReadiness',
      'getPage',
    ]);
  });

  it('declares a parameter for each name in a path', () => {
    for (const [id, { path, params }] of ROUTES) {
      const names = [...path.matchAll(/:(\w+)/g)].map(([, name]) => name);
      expect(Object.keys(params?.shape ?? {}), id).toEqual(names);
    }
  });
});

describe('the OpenAPI document', () => {
  it('is valid', async () => {
    const validator = new Validator();
    // The validator resolves references in place.
    const result = await validator.validate(
      structuredClone(openApiDocument('1.2.3')) as unknown as Record<string, unknown>,
    );
    expect(result).toMatchObject({ valid: true });
    expect(validator.version).toBe('3.1');
  });

  it('has every route and resolves every reference', () => {
    const document = openApiDocument('1.2.3');
    const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));
    expect(operations.map(({ operationId }) => operationId).sort()).toEqual(ROUTES.map(([id]) => id).sort());
    for (const [, name] of JSON.stringify(document).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      expect(document.components.schemas).toHaveProperty(name ?? '');
    }
    expect(JSON.stringify(document)).not.toContain('$defs');
  });
});

describe('the answers', () => {
  let rest: RestFixture;
  beforeEach(async () => {
    rest = await startRest({
      webhooks: {
        status: async () => ({
          url: 'https://hooks.example/',
          events: ['camera', 'webhooks'],
          queue: await rest.annotations.status(),
          dropped: 1,
        }),
        test: async () => 'an id',
        checkEndpoint: () => rest.annotations.checkEndpoint(),
        useKeys: () => {},
      },
    });
  });
  afterEach(() => rest.close());

  /** A camera with all its fields known, its recordings, and annotations in all states. */
  async function fill(): Promise<void> {
    await rest.post('/api/v1/process', {
      name: 'yard',
      rtsp_endpoint: 'rtsp://cam/1',
      rtmp_endpoint: 'rtmp://cloud/1',
    });
    Object.assign(rest.cameras.get('yard'), {
      state: {
        phase: 'failed',
        sinceMs: NOW_MS,
        reason: 'not_found',
        message: 'No.',
        failingStreak: 2,
        nextAttemptMs: NOW_MS,
      },
      stream: {
        ...{ connection: 1, codecName: 'h264', codecLongName: 'H.264', profile: 'Main', width: 640, height: 480 },
        ...{
          pixelFormat: 'yuv420p',
          extradata: new Uint8Array(),
          timeBaseNum: 1,
          timeBaseDen: 90_000,
          declaredFps: 12.5,
        },
      },
      learned: {
        ...{ transport: 'udp', keepalive: 'OPTIONS', authentication: '', certificate: '', session: '', sessionUrl: '' },
        ...{ withoutReceiverReports: true, marksEverySlice: false, sequenceUnreliable: false, silentTcpSessions: 0 },
        ...{ jpegWidth: 2560, jpegHeight: 1440, usualGapMs: 4000, endedAfterMs: 0 },
      },
    });
    for (const second of [10, 11])
      rest.recordings.segments.push(fakeSegment(second, second * 1000, { camera: 'yard' }));
    rest.annotations.setAside = [shown(1), { ...shown(2), evidence: EVIDENCE }];
    rest.annotations.page = { items: [{ ...shown(3), state: 'delivered' }], next: { startMs: 1, seq: 3 } };
  }

  it('have the fields of their schemas and no others', async () => {
    await fill();
    const yard = '/api/v1/process/yard';
    await rest.post(`${yard}/clips`, { name: 'a', from: 10_000, to: 11_000 });
    for (const path of PATHS) await rest.get(path);
    for (const path of [yard, `${yard}/clips`, `${yard}/clips/1`]) await rest.get(path);
    for (const path of ['frames', 'timeline', 'segments']) await rest.get(`${yard}/${path}`);
    await rest.get(`/api/v1/annotations/${shown(2).id}`);
    await rest.send('PATCH', yard, { record: true });
    await rest.post(`${yard}/retry`, undefined);
    await rest.post('/api/v1/probe', { rtsp_endpoint: 'rtsp://cam/2' });
    await rest.post('/api/v1/settings', { edge_key: 'k', edge_secret: 's' });
    for (const path of ['recordings/check', 'cloud/check', 'webhooks/test'])
      await rest.post(`/api/v1/${path}`, undefined);
    for (const how of ['requeue', 'discard']) await rest.post(`/api/v1/annotations/set-aside/${how}`, { all: true });
    expect([...rest.checkedRoutes].sort()).toEqual([...CHECKED_ROUTES].sort());
  });

  it('that have another field are reported', () => {
    const good = { version: '1', grpc_port: null, time: 1 };
    expect(checkAnswer('GET', '/api/v1/info?x=1', 200, JSON.stringify(good))).toBe('getInfo');
    expect(() => checkAnswer('GET', '/api/v1/info', 200, JSON.stringify({ ...good, more: 1 }))).toThrow('more');
    expect(() => checkAnswer('GET', '/api/v1/info', 200, '{}')).toThrow('version');
  });
});

const PATHS = [
  ...['/api/openapi.json', '/healthz', '/readyz'],
  ...['processlist', 'recordings', 'annotations', 'annotations/status', 'annotations/set-aside'].map(below),
  ...['settings', 'webhooks/status', 'redis/status', 'info'].map(below),
];

function below(path: string): string {
  return `/api/v1/${path}`;
}

function shown(number: number): ShownAnnotation {
  const { id, camera, type, startMs, storedMs, json } = annotation(number);
  return {
    id,
    camera,
    type,
    startMs,
    storedMs,
    json,
    seq: number,
    state: 'set_aside',
    doneMs: NOW_MS,
    reason: 'answered 400',
  };
}

const EVIDENCE: NonNullable<ShownAnnotation['evidence']> = {
  ...{ camera: 'yard', fromMs: 1, toMs: 2, clip: true, snapshot: true, atMs: 1, frameId: 0 },
  ...{ state: 'ready', reason: '', clipBytes: 10, clipFromMs: 1, clipToMs: 2 },
  ...{ jpegBytes: 5, jpegFrameId: 3, jpegMs: 1 },
};
