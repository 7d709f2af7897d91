/** The threads that decode the history, without the servers: how a query ends, and what memory it leaves. */
import { cameraDefinition } from '../support/camera-definition.js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { systemClock } from '../../src/base/clock.js';
import { VideoFrame } from '../../src/gen/chrys/cloud/videostreaming/v1beta1/video_streaming.js';
import { CONTROL } from '../../src/gen/ring-layout.js';
import { History } from '../../src/history/history.js';
import type { HistoryQuery } from '../../src/history/queries.js';
import type { HistoryFrame, HistoryFrames } from '../../src/history/history-frames.js';
import { makeClip } from '../farm/clips.js';
import { addon, CaptureRig } from '../native/capture-rig.js';
import { clipFile } from '../support/ffmpeg.js';
import { waitFor } from '../support/wait.js';
import { FakeCameras } from '../unit/rest/fixture.js';

const CLIP = 'h264-1920x1080-25-g50';
const WORKER = new URL('../../dist/history/history-worker.js', import.meta.url);
const PICTURE_BYTES = 1920 * 1080 * 3;
const BOUND_MS = 60_000;

describe('queries of the history', () => {
  let rig: CaptureRig;
  let history: History;
  let query: HistoryQuery;

  beforeAll(async () => {
    makeClip(CLIP);
    rig = new CaptureRig({ minPackets: 200 });
    rig.start(clipFile(CLIP));
    await waitFor('packets', BOUND_MS, () => rig.control.getI64(CONTROL.packetsI64) >= 130);
    const camera = new FakeCameras().add(cameraDefinition('cam'));
    await rig.stop();
    const [stream] = rig.streams;
    const streams = new Map([[stream?.connection ?? 0, stream!]]);
    Object.assign(camera, { packets: { ring: rig.packetRing, control: rig.control.buffer, streams } });
    query = {
      camera,
      fromUs: 0,
      toUs: Number.MAX_SAFE_INTEGER,
      formatOf: () => ({ format: 0, width: 0, height: 0, quality: 0, enlarge: false }),
      keyframesOnly: false,
      intervalMs: 0,
      withholdCorrupt: false,
    };
  });

  afterAll(async () => {
    await rig.dispose();
  });

  beforeEach(() => {
    history = new History(addon, { workers: 2, maxPixels: 8192 * 4320 }, systemClock, WORKER);
  });

  afterEach(async () => {
    await history.close();
  });

  const target = Buffer.alloc(PICTURE_BYTES + 4096);

  async function next(frames: HistoryFrames): Promise<HistoryFrame | undefined> {
    return await new Promise((resolve, reject) => {
      frames.next((error, frame) => {
        if (error === undefined) resolve(frame);
        else reject(error);
      });
    });
  }

  async function all(frames: HistoryFrames): Promise<number> {
    for (let count = 0; ; count += 1) {
      const frame = await next(frames);
      if (frame === undefined) return count;
      frame.copyTo(target, 0);
    }
  }

  it('frees its thread long before its end when it is closed, while it decodes or waits', async () => {
    const startMs = performance.now();
    await all(history.open(query));
    const wholeMs = performance.now() - startMs;
    for (const taken of [0, 1, 20]) {
      const frames = history.open({ ...query });
      for (let i = 0; i < taken; i += 1) (await next(frames))?.copyTo(target, 0);
      const closedMs = performance.now();
      frames.close();
      await waitFor('the thread to be free', BOUND_MS, () => history.load.running === 0);
      expect(performance.now() - closedMs).toBeLessThan(wholeMs / 2);
    }
  });

  it('waits for its reader, while other queries run at their own pace', async () => {
    const slow = history.open(query);
    const first = await next(slow);
    const fast = [history.open(query), history.open(query), history.open(query)];
    const counts = await Promise.all(fast.map(all));
    expect(new Set(counts).size).toBe(1);
    first?.copyTo(target, 0);
    expect(1 + (await all(slow))).toBe(counts[0]);
  });

  it('shares no memory with a query that runs at the same time', async () => {
    for (let i = 0; i < 4; i += 1) await all(history.open({ ...query, keyframesOnly: true }));
    const sizes = [1920, 960, 480, 240];
    const beside = sizes.map((width) => ({
      width,
      frames: history.open({ ...query, formatOf: () => ({ ...query.formatOf({ width: 0, height: 0 }), width }) }),
    }));
    for (let i = 0; i < 20; i += 1) {
      const found = await Promise.all(beside.map(async ({ frames }) => next(frames)));
      for (const [index, frame] of found.entries()) {
        const message = Buffer.alloc(frame?.byteLength ?? 0);
        frame?.copyTo(message, 0);
        const { width, height, data } = VideoFrame.decode(message);
        expect([width, data.length]).toEqual([sizes[index], width * height * 3]);
      }
    }
    for (const { frames } of beside) frames.close();
  });

  it('does not grow the memory of the process with each query', async () => {
    const once = async (): Promise<void> => {
      const frames = history.open({ ...query, keyframesOnly: true });
      await all(frames);
      frames.close();
    };
    for (let i = 0; i < 20; i += 1) await once();
    const before = process.memoryUsage.rss();
    for (let i = 0; i < 60; i += 1) await once();
    expect(process.memoryUsage.rss() - before).toBeLessThan(150 * 1024 * 1024);
  });
});
