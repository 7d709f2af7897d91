import { beforeEach, describe, expect, it } from 'vitest';

import { ChrysError } from '../../../src/base/errors.js';
import { createLogger } from '../../../src/base/log.js';
import type { ToBus } from '../../../src/redis-publisher/messages.js';
import { PublishedCameras } from '../../../src/redis-publisher/published-cameras.js';
import type { PublishedFrames } from '../../../src/redis-publisher/types.js';
import type { EventListener } from '../../../src/cameras/supervisor.js';
import type { Camera, FrameOptions } from '../../../src/cameras/types.js';
import { CONTROL, FRAME_FILTER } from '../../../src/gen/ring-layout.js';
import { Control } from '../../../src/rings/control.js';
import { StillClock } from '../fixtures/still-clock.js';
import { FakeCameras } from '../rest/fixture.js';

const INTERVAL_CLASS = 1 << FRAME_FILTER.firstInterval;

let clock: StillClock;
let cameras: FakeCameras;
let control: Control;
let camera: Camera;
let tell: EventListener;
let wanted: FrameOptions[];
let refusal: Error | undefined;
let tooLarge: ChrysError | undefined;
let logged: string[];
let sent: ToBus[];
let published: PublishedCameras;

beforeEach(() => {
  clock = new StillClock();
  cameras = new FakeCameras();
  control = Control.create();
  wanted = [];
  sent = [];
  refusal = undefined;
  tooLarge = undefined;
  logged = [];
  camera = addCamera('one');
});

function addCamera(name: string): Camera {
  const added = cameras.add({
    name,
    rtspEndpoint: 'rtsp://host/',
    transport: 'tcp',
    tlsVerify: 'pin',
    openTimeoutMs: 1000,
    stallTimeoutMs: 1000,
    decoderThreads: 1,
    recordAudio: false,
    createdMs: 0,
    modifiedMs: 0,
  });
  return Object.assign(added, {
    packets: { ...added.packets, control: control.buffer },
    frames: {
      ...added.frames,
      refusal: () => tooLarge,
      want: (terms: FrameOptions) => {
        if (refusal !== undefined) throw refusal;
        wanted.push(terms);
        const { keyframesOnly, intervalMs } = terms;
        const frameFilter = keyframesOnly ? FRAME_FILTER.keyframes : intervalMs > 0 ? INTERVAL_CLASS : FRAME_FILTER.all;
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
        tell = listener;
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
const toPublish = (): number[] => sent.flatMap((message) => (message.kind === 'publish' ? [message.frameClass] : []));

describe('cameras that are published', () => {
  it.each([
    ['keyframes', FRAME_FILTER.keyframes],
    ['interval', INTERVAL_CLASS],
    ['all', FRAME_FILTER.all],
  ] as const)(
    'always (%s) have their demand raised again in time, while Redis is there',
    (publishFrames, frameClass) => {
      start(publishFrames);
      expect(wanted).toEqual([]);
      published.setConnected(true);
      clock.advance(9000);
      expect(toPublish()).toEqual([frameClass]);
      expect(wanted).toHaveLength(4);
      expect(waiters()).toBe(1);
      published.setConnected(false);
      clock.advance(60_000);
      expect(toPublish()).toEqual([frameClass, 0]);
      expect(wanted).toHaveLength(4);
      expect(waiters()).toBe(0);
    },
  );

  it('on demand have it raised by each asking and by nothing else', () => {
    start('demand');
    published.setConnected(true);
    clock.advance(60_000);
    expect(wanted).toEqual([]);
    published.onAsked(1, 'keyframes');
    published.onAsked(1, 'all');
    clock.advance(60_000);
    expect(wanted.map(({ keyframesOnly }) => keyframesOnly)).toEqual([true, false]);
    published.onAsked(1, 'nothing');
    expect(toPublish()).toEqual([FRAME_FILTER.keyframes, FRAME_FILTER.all, 0]);
    expect(waiters()).toBe(0);
  });

  it('go on with what is published always when what was asked for beside it ends', () => {
    start('interval');
    published.setConnected(true);
    published.onAsked(1, 'all');
    published.onAsked(1, 'nothing');
    expect(toPublish()).toEqual([INTERVAL_CLASS, INTERVAL_CLASS | FRAME_FILTER.all, INTERVAL_CLASS]);
    expect(waiters()).toBe(1);
  });

  it('leave nothing waiting when they are removed, or the thread crashes', () => {
    start('all');
    published.setConnected(true);
    published.onCrashed();
    expect(waiters()).toBe(0);
    sent.length = 0;
    published.tellAll();
    published.setConnected(true);
    expect(sent).toEqual([
      { kind: 'camera', id: 1, camera: 'one', control: control.buffer },
      { kind: 'publish', id: 1, frameClass: FRAME_FILTER.all },
    ]);
    tell('removed', camera);
    expect(sent.at(-1)).toEqual({ kind: 'forget', id: 1 });
    expect(waiters()).toBe(0);
    expect(published.status()).toEqual([]);
  });

  it('say why their frames cannot be wanted, and are tried again', () => {
    start('interval');
    refusal = new ChrysError('resource_exhausted', 'too many intervals');
    published.setConnected(true);
    expect(published.status()).toMatchObject([{ camera: 'one', publishing: false, message: 'too many intervals' }]);
    refusal = undefined;
    clock.advance(3000);
    expect(published.status()).toMatchObject([{ camera: 'one', publishing: true, message: '' }]);
  });

  it('say in their state, and once in the log, that their pictures are too large', () => {
    start('all');
    published.setConnected(true);
    tooLarge = new ChrysError('resource_exhausted', 'too large');
    clock.advance(9000);
    expect(published.status()[0]?.message).toMatch(/not published to Redis, because a picture .*smaller resolution/);
    expect(logged).toEqual([expect.stringMatching(/^one: its frames are not published to Redis/)]);
    tooLarge = undefined;
    clock.advance(3000);
    expect(published.status()).toMatchObject([{ publishing: true, message: '' }]);
  });

  it('tell a new ring to the worker', () => {
    start('all');
    const plainFrames = new SharedArrayBuffer(8);
    tell('plainFrames', Object.assign(camera, { plainFrames }));
    expect(sent.at(-1)).toEqual({ kind: 'ring', id: 1, ring: plainFrames });
  });

  it('are not those whose names are keys of others', () => {
    const other = addCamera('in_memory_queue_one');
    start('all');
    published.setConnected(true);
    published.onAsked(2, 'all');
    expect(sent.filter((message) => message.kind !== 'publish')).toHaveLength(1);
    expect(published.status()).toMatchObject([
      { publishing: true },
      { camera: other.definition.name, publishing: false },
    ]);
  });
});
