import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createLogger } from '../../../src/base/log.js';
import type { EventListener } from '../../../src/cameras/supervisor.js';
import type { Camera, CameraEvent } from '../../../src/cameras/types.js';
import { PACKET_RING } from '../../../src/gen/ring-layout.js';
import { CameraRecordings, type RecordingsOptions } from '../../../src/recording/recordings.js';
import { SegmentIndex } from '../../../src/database/segment-index.js';
import { waitFor } from '../../support/wait.js';
import { FakePacketRing } from '../fixtures/packet-ring.js';
import { hurriedClock } from '../fixtures/supervision.js';

const BOUND_MS = 15_000;
const FIRST = 100;

let dataDir: string;
let recordings: CameraRecordings | undefined;
let lines: { readonly level: string; readonly msg: string; readonly camera?: string }[];
let cameras: Camera[];
let listener: EventListener | undefined;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'chrysproxy-recordings-'));
  lines = [];
  cameras = [];
});
afterEach(async () => {
  await recordings?.stop();
  recordings = undefined;
  rmSync(dataDir, { recursive: true });
});

function start(more: Partial<RecordingsOptions> = {}): CameraRecordings {
  const stream = {
    write: (line: string) => {
      lines.push(JSON.parse(line) as (typeof lines)[number]);
    },
  };
  recordings = new CameraRecordings({
    cameras: {
      list: () => cameras,
      onEvent: (given) => {
        listener = given;
        return () => {
          listener = undefined;
        };
      },
    },
    logger: createLogger({ mode: 'release', stream }),
    clock: hurriedClock(20),
    dataDir,
    folder: join(dataDir, 'archive'),
    onDisk: false,
    packetsInMemory: 3,
    segmentMinMs: 0,
    rules: { olderThanMs: 0, maxBytesPerCamera: 0, maxBytesTotal: 0, minFreeBytes: 0 },
    schedule: '@every 1d',
    protectedSpans: () => [],
    workerUrl: new URL('../fixtures/fake-recorder-worker.mjs', import.meta.url),
    ...more,
  });
  return recordings;
}

/** A running camera with packets in memory. */
function camera(name: string, record?: boolean): Camera {
  const definition = { name, ...(record === undefined ? {} : { record }) };
  return {
    definition,
    state: { phase: 'running' },
    packets: { ring: ringOf(7).buffer, control: new SharedArrayBuffer(8), streams: new Map(), periods: [] },
  } as unknown as Camera;
}

function ringOf(packets: number): FakePacketRing {
  const ring = new FakePacketRing(1024, FIRST);
  for (let packet = 0; packet < packets; packet += 1) ring.write({ keyframe: packet % 3 === 0, arrivalMs: packet });
  return ring;
}

function kept({ packets }: Camera): number {
  return Number(new BigInt64Array(packets.ring!, 0, PACKET_RING.bytes / 8)[PACKET_RING.minPacketsI64]);
}

function emit(event: CameraEvent, about: Camera): void {
  if (listener !== undefined) listener(event, about);
}

const logged = (): string[] => lines.filter(({ level }) => level === 'info').map(({ msg }) => msg);

describe('RecordedCameras', () => {
  it('follows the setting of each camera, or else the configuration', async () => {
    cameras = [camera('by-config'), camera('not', false), camera('by-setting', true)];
    const all = start({ onDisk: true });
    expect(all.status('not')).toMatchObject({ wanted: false, state: 'off', segments: 0 });
    await waitFor('the progress of both', BOUND_MS, () => all.status('by-setting').segments === 1);
    expect(all.status('by-config')).toMatchObject({ wanted: true, state: 'recording', segments: 1 });
    expect(all.status('nobody')).toMatchObject({ wanted: false, state: 'off' });
    expect(logged().filter((text) => text.startsWith('record'))).toEqual(['record 1', 'record 3']);
    expect(cameras.map(kept)).toEqual([250, 3, 250]);
  });

  it('follows a change of the setting while the camera runs', async () => {
    const yard = camera('yard', false);
    cameras = [yard];
    const all = start();
    expect(kept(yard)).toBe(3);
    Object.assign(yard.definition, { record: true });
    emit('changed', yard);
    expect(kept(yard)).toBe(250);
    await waitFor('it to be recorded', BOUND_MS, () => all.status('yard').state === 'recording');
    emit('stream', yard);
    Object.assign(yard.definition, { record: false });
    emit('changed', yard);
    expect(all.status('yard')).toMatchObject({ wanted: false, state: 'off', segments: 1 });
    expect(kept(yard)).toBe(3);
    await waitFor('the worker to get it', BOUND_MS, () => logged().includes('forget 1'));
    expect(logged()).toEqual(['check start', 'record 1', 'clean', 'periods 1', 'forget 1']);
  });

  it('ends with the camera, and treats a later camera of the same name as another camera', async () => {
    const [one, other] = [camera('yard', true), camera('yard', true)];
    cameras = [one];
    start();
    emit('added', other);
    emit('removed', one);
    await waitFor('the worker to get both', BOUND_MS, () => logged().includes('record 2'));
    emit('removed', other);
    await waitFor('the worker to get it', BOUND_MS, () => logged().includes('forget 2'));
    expect(recordings?.status('yard')).toMatchObject({ wanted: false });
  });

  it('waits for a camera without packets', () => {
    const yard = camera('yard', true);
    Object.assign(yard, { packets: { ...yard.packets, ring: undefined } });
    cameras = [yard];
    expect(start().status('yard')).toMatchObject({ wanted: true, state: 'waiting' });
  });
});

describe('the recorder thread', () => {
  it('is not started when nothing was ever recorded', async () => {
    cameras = [camera('yard')];
    const all = start();
    expect([all.has('yard'), all.newestUs]).toEqual([false, 0]);
    expect(await all.timeline('yard', 0, 1e12)).toMatchObject({ segments: 0 });
    await all.stop();
    expect(logged()).toEqual([]);
  });

  it('is started when the folder exists', async () => {
    mkdirSync(join(dataDir, 'archive'));
    start();
    await waitFor('the check', BOUND_MS, () => logged().includes('check start'));
  });

  it('deletes old segments also when the schedule came before the first recording', async () => {
    let scheduled = 0;
    start({
      schedule: '@every 1s',
      protectedSpans: () => {
        scheduled += 1;
        return [];
      },
    });
    await waitFor('the schedule', BOUND_MS, () => scheduled > 0);
    expect(logged()).toEqual([]);
    const yard = camera('yard', true);
    cameras = [yard];
    emit('added', yard);
    await waitFor('a cleaning', BOUND_MS, () => logged().includes('clean'));
  });

  it('is started again with all its state when it crashes', async () => {
    const crash = camera('crash', true);
    cameras = [camera('yard', true), crash];
    const all = start();
    await waitFor('the crash', BOUND_MS, () => lines.some(({ level }) => level === 'error'));
    expect(all.status('yard')).toMatchObject({
      state: 'failing',
      message: expect.stringMatching(/ended \(a bug in the recorder\); it is started again after 1 s/) as string,
    });
    await expect(all.check()).rejects.toMatchObject({ kind: 'unavailable' });
    emit('removed', crash);
    await waitFor('it to go on', BOUND_MS, () => all.status('yard').state === 'recording');
    // The progress of the first thread may have been lost with it.
    expect(all.status('yard').segments).toBeGreaterThanOrEqual(1);
    expect(await all.check()).toMatchObject({ good: 7 });
  });

  it('makes one check for all callers at the same time', async () => {
    const all = start();
    const reports = await Promise.all([all.check(), all.check()]);
    expect(reports[0]).toBe(reports[1]);
    expect(logged().filter((text) => text === 'check requested')).toHaveLength(1);
    await all.stop();
    await expect(all.check()).rejects.toMatchObject({ kind: 'unavailable' });
  });
});

it('refuses an invalid schedule at the start', () => {
  expect(() => start({ schedule: '99 * * * *' })).toThrow(/on_disk_schedule/);
});

it('lists segments page by page', () => {
  const all = start();
  const index = new SegmentIndex(dataDir, 'write');
  const writer = index.writer();
  for (const second of [1, 2, 3]) {
    writer.insert('yard', `${second}000_1000.mp4`, {
      startUs: second * 1e6,
      lastUs: second * 1e6 + 960_000,
      durationUs: 1e6,
      bytes: 1,
      frames: 25,
      firstSequence: second * 25,
      endSequence: second * 25 + 25,
      connection: 1,
      codecName: 'h264',
      width: 640,
      height: 480,
      keyframesUs: [second * 1e6],
      audio: false,
    });
  }
  index.close();
  const page = all.page('yard', { fromMs: 0, toMs: 3000, after: 0, limit: 2 });
  expect(page.segments.map(({ file }) => file)).toEqual(['1000_1000.mp4', '2000_1000.mp4']);
  const last = all.page('yard', { fromMs: 0, toMs: 3000, after: page.next ?? 0, limit: 2 });
  expect([last.segments.length, last.next]).toEqual([1, undefined]);
  expect(all.pathOf(last.segments[0]!)).toBe(join(dataDir, 'archive', 'yard', '3000_1000.mp4'));
  expect([all.has('yard'), all.newestUs, all.get('yard', 2)?.startUs]).toEqual([true, 3_960_000, 2_000_000]);
});
