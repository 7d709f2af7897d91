/** The history with fake workers. The name of the camera decides what a worker does with its query. */
import { cameraDefinition } from '../../support/camera-definition.js';
import { afterEach, describe, expect, it } from 'vitest';

import type { CameraDefinition } from '../../../src/cameras/types.js';
import { History, type HistorySettings } from '../../../src/history/history.js';
import type { HistoryQuery } from '../../../src/history/queries.js';
import type { HistoryFrame, HistoryFrames } from '../../../src/history/history-frames.js';
import { waitFor } from '../../support/wait.js';
import { StillClock } from '../fixtures/still-clock.js';
import { FakeCameras } from '../rest/fixture.js';

const FAKE_WORKER = new URL('../fixtures/fake-history-worker.mjs', import.meta.url);
const BOUND_MS = 15_000;
const LIMITS: HistorySettings = { maxPixels: 5000, workers: 2, queriesPerWorker: 2, waiting: 1, idleMs: 5000 };

/** No test here copies a frame. */
const addon = { copyBytes: () => expect.fail() };

let history: History;
let clock: StillClock;

function start(limits: Partial<HistorySettings> = {}): void {
  clock = new StillClock();
  history = new History(addon, { ...LIMITS, ...limits }, clock, FAKE_WORKER);
}

afterEach(async () => {
  await history.close();
});

function query(name: string, limit: Pick<CameraDefinition, 'maxPixels'> = {}): HistoryQuery {
  const camera = new FakeCameras().add(cameraDefinition(name, limit));
  Object.assign(camera, { packets: { ...camera.packets, ring: new SharedArrayBuffer(64) } });
  return {
    camera,
    fromUs: 0,
    toUs: 1,
    formatOf: () => ({ format: 0, width: 0, height: 0, quality: 0, enlarge: false }),
    keyframesOnly: false,
    intervalMs: 0,
    withholdCorrupt: false,
  };
}

async function next(frames: HistoryFrames): Promise<HistoryFrame | undefined> {
  return await new Promise((resolve, reject) => {
    frames.next((error, frame) => {
      if (error === undefined) resolve(frame);
      else reject(error);
    });
  });
}

describe('the history', () => {
  it('starts no thread before the first query', () => {
    start();
    expect(history.load).toEqual({ workers: 0, running: 0, waiting: 0 });
  });

  it('starts a thread for each query, then shares the threads, then lets queries wait, then refuses', async () => {
    start();
    const frames = Array.from({ length: 5 }, () => history.open(query('hold')));
    expect(history.load).toEqual({ workers: 2, running: 4, waiting: 1 });
    expect(() => history.open(query('hold'))).toThrow(/4 history queries are running and 1 are waiting\. Try again/);
    frames[0]?.close();
    await waitFor('the waiting query to run', BOUND_MS, () => history.load.waiting === 0);
    expect(history.load).toEqual({ workers: 2, running: 4, waiting: 0 });
  });

  it('removes a query that is closed while it waits', () => {
    start();
    const frames = Array.from({ length: 5 }, () => history.open(query('hold')));
    frames[4]?.close();
    expect(history.load).toEqual({ workers: 2, running: 4, waiting: 0 });
  });

  it('ends a thread that had no query for a while, and starts a new one', async () => {
    start();
    expect(await next(history.open(query('end')))).toBeUndefined();
    clock.advance(4999);
    expect(history.load.workers).toBe(1);
    clock.advance(1);
    expect(history.load.workers).toBe(0);
    expect(await next(history.open(query('end')))).toBeUndefined();
    expect(history.load.workers).toBe(1);
  });

  it('keeps a thread that gets another query in time', async () => {
    start();
    await next(history.open(query('end')));
    clock.advance(4000);
    history.open(query('hold'));
    clock.advance(4000);
    expect(history.load).toEqual({ workers: 1, running: 1, waiting: 0 });
  });

  it('reports why a query failed', async () => {
    start();
    await expect(next(history.open(query('fail')))).rejects.toMatchObject({
      kind: 'resource_exhausted',
      message: 'too large',
    });
  });

  it("applies the camera's limit of pixels, or otherwise that of the configuration", async () => {
    start();
    await expect(next(history.open(query('limit')))).rejects.toThrow('5000 pixels at most');
    await expect(next(history.open(query('limit', { maxPixels: 640 })))).rejects.toThrow('640 pixels at most');
  });

  it('continues after a thread has crashed, as do the queries of other threads', async () => {
    start();
    const other = history.open(query('hold'));
    await expect(next(history.open(query('crash')))).rejects.toThrow(
      /The history thread crashed: the test requested it/,
    );
    expect(history.load).toEqual({ workers: 1, running: 1, waiting: 0 });
    expect(await next(history.open(query('end')))).toBeUndefined();
    other.close();
  });

  it('is empty for a camera that never started', async () => {
    start();
    const camera = { ...query('end').camera, packets: { ring: undefined, streams: new Map() } };
    expect(await next(history.open({ ...query('end'), camera }))).toBe(undefined);
    expect(history.load.workers).toBe(0);
  });

  it('ends all queries when it is closed, and refuses new ones', async () => {
    start();
    const frames = Array.from({ length: 5 }, () => history.open(query('hold')));
    const waiting = next(frames[4]!);
    const refused = expect(waiting).rejects.toMatchObject({ kind: 'unavailable' });
    await history.close();
    await refused;
    expect(history.load.workers).toBe(0);
    expect(() => history.open(query('hold'))).toThrow(/shutting down/);
  });
});
