import { cameraDefinition } from '../../support/camera-definition.js';
import { beforeEach, describe, expect, it } from 'vitest';

import { ChrysError } from '../../../src/base/errors.js';
import { createLogger } from '../../../src/base/log.js';
import type { ToPublisher } from '../../../src/redis-publisher/messages.js';
import { PublishedCameras } from '../../../src/redis-publisher/published-cameras.js';
import type { PublishedFrames } from '../../../src/redis-publisher/types.js';
import type { EventListener } from '../../../src/cameras/supervisor.js';
import type { Camera, FrameOptions } from '../../../src/cameras/types.js';
import { CONTROL, FRAME_FILTER } from '../../../src/gen/ring-layout.js';
import { Control } from '../../../src/rings/control.js';
import { StillClock } from '../fixtures/still-clock.js';
import { FakeCameras } from '../rest/fixture.js';

const INTERVAL_FILTER = 1 << FRAME_FILTER.firstInterval;

let clock: StillClock;
let cameras: FakeCameras;
let control: Control;
let camera: Camera;
let emit: EventListener;
let demanded: FrameOptions[];
let refusal: Error | undefined;
let tooLarge: ChrysError | undefined;
let logged: string[];
let sent: ToPublisher[];
let published: PublishedCameras;

beforeEach(() => {
  clock = new StillClock();
  cameras = new FakeCameras();
  control = Control.create();
  demanded = [];
  sent = [];
  refusal = undefined;
  tooLarge = undefined;
  logged = [];
  camera = addCamera('one');
});

function addCamera(name: string): Camera {
  const added = cameras.add(cameraDefinition(name, { rtspEndpoint: 'rtsp://host/' }));
  return Object.assign(added, {
    packets: { ...added.packets, control: control.buffer },
    frames: {
      ...added.frames,
      refusal: () => tooLarge,
      subscribe: (options: FrameOptions) => {
        if (refusal !== undefined) throw refusal;
        demanded.push(options);
        const { keyframesOnly, intervalMs } = options;
        const frameFilter = keyframesOnly
          ? FRAME_FILTER.keyframes
          : intervalMs > 0
            ? INTERVAL_FILTER
            : FRAME_FILTER.all;
        return { output: 0, frameFilter, serial: 1 };
      },
    },
  });
}

function start(publishFrames: PublishedFrames): void {
  published = new PublishedCameras({
    cameras: {
      list: () => cameras.list(),
      onEvent: (listener) => {
        emit = listener;
        return () => undefined;
      },
    },
    publishFrames,
    publishIntervalMs: 700,
    clock,
    logger: createLogger({
      mode: 'release',
      stream: {
        write: (line: string) => {
          const { camera: name, msg } = JSON.parse(line) as { readonly camera: string; readonly msg: string };
          logged.push(`${name}: ${msg}`);
        },
      },
    }),
    send: (message) => {
      sent.push(message);
    },
  });
  published.start();
}

const waiters = (): number => control.getI32(CONTROL.frameWaitersI32);
const toPublish = (): number[] => sent.flatMap((message) => (message.kind === 'publish' ? [message.frameFilter] : []));

describe('PublishedCameras', () => {
  it.each([
    ['keyframes', FRAME_FILTER.keyframes],
    ['interval', INTERVAL_FILTER],
    ['all', FRAME_FILTER.all],
  ] as const)(
    'raises the demand again and again for %s that are always published, while Redis is connected',
    (publishFrames, frameFilter) => {
      start(publishFrames);
      expect(demanded).toEqual([]);
      published.setConnected(true);
      clock.advance(9000);
      expect(toPublish()).toEqual([frameFilter]);
      expect(demanded).toHaveLength(4);
      expect(waiters()).toBe(1);
      published.setConnected(false);
      clock.advance(60_000);
      expect(toPublish()).toEqual([frameFilter, 0]);
      expect(demanded).toHaveLength(4);
      expect(waiters()).toBe(0);
    },
  );

  it('raises the demand only at requests when frames are published on demand', () => {
    start('demand');
    published.setConnected(true);
    clock.advance(60_000);
    expect(demanded).toEqual([]);
    published.onRequest(1, 'keyframes');
    published.onRequest(1, 'all');
    clock.advance(60_000);
    expect(demanded.map(({ keyframesOnly }) => keyframesOnly)).toEqual([true, false]);
    published.onRequest(1, 'nothing');
    expect(toPublish()).toEqual([FRAME_FILTER.keyframes, FRAME_FILTER.all, 0]);
    expect(waiters()).toBe(0);
  });

  it('goes on with the frames that are always published when a request ends', () => {
    start('interval');
    published.setConnected(true);
    published.onRequest(1, 'all');
    published.onRequest(1, 'nothing');
    expect(toPublish()).toEqual([INTERVAL_FILTER, INTERVAL_FILTER | FRAME_FILTER.all, INTERVAL_FILTER]);
    expect(waiters()).toBe(1);
  });

  it('takes back its count in frameWaiters when a camera is removed or the thread crashes', () => {
    start('all');
    published.setConnected(true);
    published.onCrashed();
    expect(waiters()).toBe(0);
    sent.length = 0;
    published.sendAll();
    published.setConnected(true);
    expect(sent).toEqual([
      { kind: 'camera', id: 1, camera: 'one', control: control.buffer },
      { kind: 'publish', id: 1, frameFilter: FRAME_FILTER.all },
    ]);
    emit('removed', camera);
    expect(sent.at(-1)).toEqual({ kind: 'forget', id: 1 });
    expect(waiters()).toBe(0);
    expect(published.status()).toEqual([]);
  });

  it('reports why frames cannot be demanded, and tries again', () => {
    start('interval');
    refusal = new ChrysError('resource_exhausted', 'too many intervals');
    published.setConnected(true);
    expect(published.status()).toMatchObject([{ camera: 'one', publishing: false, message: 'too many intervals' }]);
    refusal = undefined;
    clock.advance(3000);
    expect(published.status()).toMatchObject([{ camera: 'one', publishing: true, message: '' }]);
  });

  it('reports in the status, and once in the log, that pictures are too large', () => {
    start('all');
    published.setConnected(true);
    tooLarge = new ChrysError('resource_exhausted', 'too large');
    clock.advance(9000);
    expect(published.status()[0]?.message).toMatch(/not published to Redis, because a picture .*smaller resolution/);
    expect(logged).toEqual([expect.stringMatching(/^one: Its frames are not published to Redis/)]);
    tooLarge = undefined;
    clock.advance(3000);
    expect(published.status()).toMatchObject([{ publishing: true, message: '' }]);
  });

  it('sends a new ring to the worker', () => {
    start('all');
    const plainFrames = new SharedArrayBuffer(8);
    emit('plainFrames', Object.assign(camera, { plainFrames }));
    expect(sent.at(-1)).toEqual({ kind: 'ring', id: 1, ring: plainFrames });
  });

  it('does not publish a camera whose name can be a key of another camera', () => {
    const other = addCamera('in_memory_queue_one');
    start('all');
    published.setConnected(true);
    published.onRequest(2, 'all');
    expect(sent.filter((message) => message.kind !== 'publish')).toHaveLength(1);
    expect(published.status()).toMatchObject([
      { publishing: true },
      { camera: other.definition.name, publishing: false },
    ]);
  });
});
