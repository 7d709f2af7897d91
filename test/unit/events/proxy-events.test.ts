import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { OutboxStatus } from '../../../src/outbox/types.js';
import { createLogger } from '../../../src/base/log.js';
import { annotationCondition, passthroughCondition, recordingCondition } from '../../../src/events/conditions.js';
import type { ProxyEvent } from '../../../src/events/event.js';
import { ProxyEvents } from '../../../src/events/proxy-events.js';
import type { PassthroughStatus } from '../../../src/passthrough/types.js';
import type { RecordingStatus } from '../../../src/recording/types.js';
import { pause, waitFor } from '../../support/wait.js';
import { FakeAnnotations } from '../annotations/fixture.js';
import { Supervision, camera, hurriedClock } from '../fixtures/supervision.js';

const BOUND_MS = 15_000;
const SOME_LOOKS_MS = 200;
const RECORDING: RecordingStatus = {
  wanted: true,
  state: 'recording',
  message: '',
  segments: 1,
  bytes: 1,
  lostGroups: 0,
  lastSegmentMs: 1,
};
const ANNOTATIONS = new FakeAnnotations().state;

const PASSTHROUGH: PassthroughStatus = {
  wanted: true,
  state: 'streaming',
  sinceMs: 0,
  message: '',
  nextAttemptMs: undefined,
  lastError: '',
  streaming: true,
  packets: 1,
  bytes: 1,
  connects: 1,
  lost: 0,
  lastSentMs: 1,
};

let supervision: Supervision;
let recording: RecordingStatus;
let annotations: OutboxStatus;
let passthrough: PassthroughStatus;
let events: ProxyEvents;
let seen: ProxyEvent[];

beforeEach(() => {
  supervision = new Supervision();
  [recording, annotations, passthrough, seen] = [RECORDING, ANNOTATIONS, PASSTHROUGH, []];
  events = new ProxyEvents({
    cameras: supervision.supervisor,
    clock: hurriedClock(20),
    logger: createLogger({ mode: 'release', stream: { write: () => undefined } }),
    cameraConditions: [
      (name) => recordingCondition(name, { status: () => recording }),
      (name) => passthroughCondition(name, { status: () => passthrough }),
    ],
    proxyConditions: [() => annotationCondition({ status: () => Promise.resolve(annotations) }, 10)],
  });
  events.on(() => {
    throw new Error('a bad listener');
  });
  events.on((event) => seen.push(event));
  events.start();
});

afterEach(async () => {
  events.close();
  await supervision.supervisor.stopAll();
});

function ofType(type: string): string[] {
  return seen.filter((event) => event.type === type).map(({ camera: name, state }) => `${name} ${state}`.trim());
}

async function reaches(type: string, states: readonly string[]): Promise<void> {
  await waitFor(`${type}: ${states.join()}; there were ${ofType(type).join()}`, BOUND_MS, () => {
    return ofType(type).length >= states.length;
  });
  expect(ofType(type)).toEqual(states);
}

describe('events of cameras', () => {
  it('report each state once, with ids in order', async () => {
    supervision.supervisor.add(camera('yard', 'run'));
    await supervision.reaches('yard', 'running');
    supervision.supervisor.add(camera('gate', 'refused'));
    // All attempts fail, and there is one event.
    await supervision.attempts('gate', 4);
    await supervision.supervisor.remove('yard');
    await reaches('camera', ['yard added', 'yard running', 'gate added', 'gate reconnecting', 'yard removed']);
    const gate = seen.find(({ state }) => state === 'reconnecting');
    expect(gate?.reason).toBe('refused');
    expect(gate?.message).not.toBe('');
    const ids = seen.map(({ id }) => id);
    expect(ids).toEqual([...new Set(ids)].sort());
  });
});

describe('events of the recording', () => {
  it('report when problems begin and end, but not a normal state at the start', async () => {
    supervision.supervisor.add(camera('yard', 'run'));
    await supervision.reaches('yard', 'running');
    recording = { ...RECORDING, state: 'failing', message: 'the disk is full' };
    await reaches('recording', ['yard failing']);
    expect(seen.at(-1)?.message).toBe('the disk is full');
    recording = { ...RECORDING, message: 'the disk is slow' };
    await reaches('recording', ['yard failing', 'yard losing']);
    recording = RECORDING;
    await reaches('recording', ['yard failing', 'yard losing', 'yard fine']);
  });
});

describe('events of the passthrough', () => {
  it('report a failing server once for all attempts, and its recovery', async () => {
    supervision.supervisor.add(camera('yard', 'run'));
    await supervision.reaches('yard', 'running');
    passthrough = { ...PASSTHROUGH, state: 'retrying', streaming: false, message: 'nothing listens there' };
    await reaches('passthrough', ['yard failing']);
    passthrough = { ...passthrough, state: 'connecting', message: '' };
    await pause(SOME_LOOKS_MS);
    passthrough = { ...passthrough, state: 'retrying', message: 'nothing listens there' };
    await pause(SOME_LOOKS_MS);
    passthrough = PASSTHROUGH;
    await reaches('passthrough', ['yard failing', 'yard fine']);
  });
});

describe('events of the annotations', () => {
  it('report when annotations wait, are too many or were refused, and when that ends', async () => {
    annotations = { ...ANNOTATIONS, queued: 1, paused: 'the cloud is away' };
    await reaches('annotations', ['waiting']);
    annotations = { ...ANNOTATIONS, queued: 9, paused: 'the cloud is away' };
    await reaches('annotations', ['waiting', 'nearly_full']);
    expect(seen.at(-1)?.message).toContain('annotation.max_queue is 10');
    annotations = { ...ANNOTATIONS, setAside: 1 };
    await reaches('annotations', ['waiting', 'nearly_full', 'refused']);
    annotations = { ...ANNOTATIONS, paused: 'no edge key' };
    await reaches('annotations', ['waiting', 'nearly_full', 'refused', 'fine']);
  });
});
