/** Timestamps that lie: pictures stay in order, callers keep their rate, files last as long as their pictures took. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CameraOptions } from '../farm/fake-camera.js';
import { ImageClient } from '../support/grpc-client.js';
import { probed } from '../support/segments.js';
import { FakeCameraScene } from '../support/scene.js';
import { take } from '../support/take.js';
import { pause } from '../support/wait.js';

/** Long enough for several odd timestamps of each kind. */
const WATCHED_MS = 20_000;
const FPS = 25;
const SLOWER_FPS = 20.8;

const CAMERAS = {
  past: { time: { outlierS: -9800, outlierEvery: 60 } },
  future: { time: { outlierS: 37_600, outlierEvery: 60 } },
  'jump-ahead': { time: { jumpS: 5000, jumpAfterMs: 6000 } },
  'jump-back': { time: { jumpS: -5000, jumpAfterMs: 6000 } },
  wrap: { time: { start: 4_294_967_296 - 90_000 * 4 } },
  constant: { time: { stampFps: 0 } },
  slower: { video: { fps: SLOWER_FPS }, time: { stampFps: FPS } },
  'wrong-info': { time: { rtpInfo: 'wrong', start: 2_705_800_284 } },
  'no-info': { time: { rtpInfo: 'none', senderReports: 'none' } },
  'clock-set': { time: { senderReports: 'step', stepAfterMs: 6000 }, audio: { codec: 'aac' } },
  'clock-range': { sdp: { clockRange: true }, time: { senderReports: 'none' } },
} satisfies Record<string, CameraOptions>;
type Name = keyof typeof CAMERAS;
const NAMES = Object.keys(CAMERAS) as Name[];

interface Seen {
  /** Frames of a caller that wants one a second. */
  readonly second: number;
  readonly faults: readonly string[];
  /** Pictures of a caller that wants all, including the ones that it missed. */
  readonly all: number;
  readonly elapsedMs: number;
}

let scene: FakeCameraScene<Name>;
let seen: Map<Name, Seen>;

async function watch(name: Name): Promise<Seen> {
  const client = new ImageClient(scene.proxy.grpcAddress, 'unary');
  let second = 0;
  const startMs = performance.now();
  const untilEnd = (): boolean => performance.now() - startMs < WATCHED_MS;
  const interval = async (): Promise<void> => {
    while (untilEnd()) {
      const frame = await client.frame({ device_id: name, interval_ms: 1000, wait_ms: 5000 });
      if (frame.data.length > 0) second += 1;
    }
  };
  const everything = async (): Promise<[string[], number, number]> => {
    const own = new ImageClient(scene.proxy.grpcAddress, 'unary');
    const faults: string[] = [];
    await take(own, { device_id: name }, 5);
    let [before] = await take(own, { device_id: name }, 1);
    let count = 0;
    const beganMs = performance.now();
    while (untilEnd()) {
      const [now] = await take(own, { device_id: name }, 1);
      if (before === undefined || now === undefined) break;
      count += 1 + now.frame.skipped;
      const step = (Number(now.number) - Number(before.number) + 100) % 100;
      if (step !== 1 + now.frame.skipped) faults.push(`${before.number} → ${now.number}, ${now.frame.skipped} skipped`);
      if (now.frame.frame_id <= before.frame.frame_id)
        faults.push(`frame_id ${now.frame.frame_id} after ${before.frame.frame_id}`);
      if (now.frame.pts <= before.frame.pts) faults.push(`pts ${now.frame.pts} after ${before.frame.pts}`);
      if (now.frame.sender_us < 0) faults.push(`sender_us ${now.frame.sender_us}`);
      before = now;
    }
    own.close();
    return [faults, count, performance.now() - beganMs];
  };
  const [, [faults, all, elapsedMs]] = await Promise.all([interval(), everything()]);
  client.close();
  return { second, faults, all, elapsedMs };
}

beforeAll(async () => {
  const config = { buffer: { on_disk: true, on_disk_clean_older_than: '1h' } };
  scene = await FakeCameraScene.start<Name>(CAMERAS, { config, more: { 'clock-set': { record_audio: true } } });
  for (const name of NAMES) await scene.running(name);
  seen = new Map(await Promise.all(NAMES.map(async (name) => [name, await watch(name)] as const)));
});
afterAll(async () => {
  await scene.dispose();
});

const fpsOf = (name: Name): number => (name === 'slower' ? SLOWER_FPS : FPS);

describe('odd timestamps', () => {
  it.each(NAMES)('leave every picture in order: %s', (name) => {
    expect(seen.get(name)?.faults).toEqual([]);
  });

  it.each(NAMES)('leave a caller its one frame a second: %s', (name) => {
    const { second = 0 } = seen.get(name) ?? {};
    expect(second).toBeGreaterThanOrEqual(WATCHED_MS / 1000 - 4);
    expect(second).toBeLessThanOrEqual(WATCHED_MS / 1000 + 3);
  });

  it.each(NAMES)('leave the camera running, with its rate: %s', async (name) => {
    const { phase, stats } = await scene.state(name);
    expect({ phase, reconnects: stats.reconnects }).toEqual({ phase: 'running', reconnects: 0 });
    const { all = 0, elapsedMs = 1 } = seen.get(name) ?? {};
    expect(Math.abs((all * 1000) / elapsedMs / fpsOf(name) - 1)).toBeLessThan(0.15);
    if (name !== 'constant') expect(Math.abs(stats.fps / fpsOf(name) - 1)).toBeLessThan(0.15);
  });

  it.each(NAMES)('give files that last as long as their pictures took: %s', async (name) => {
    const files = await scene.recorded(name, 12);
    // The rate is known after some seconds.
    const known = files.slice(5);
    let seconds = 0;
    for (const { path } of known) {
      const { durationSeconds } = await probed(path);
      expect(durationSeconds).toBeLessThan(1.6);
      expect(durationSeconds).toBeGreaterThan(0.6);
      seconds += durationSeconds;
    }
    const first = known[0];
    const last = known.at(-1);
    if (first === undefined || last === undefined) throw new Error('there are no files');
    const wall = (last.startMs + last.durationMs - first.startMs) / 1000;
    expect(Math.abs(seconds / wall - 1)).toBeLessThan(0.05);
    expect(Math.abs(wall / ((known.length * FPS) / fpsOf(name)) - 1)).toBeLessThan(0.1);
  });
});

describe("the camera's clock", () => {
  it('gives sender_us once it is set, and nothing else changes', async () => {
    const [taken] = await scene.take('clock-set', 1);
    expect(Math.abs((taken?.frame.sender_us ?? 0) / 1000 - Date.now())).toBeLessThan(10_000);
  });

  it('is taken from PLAY where there are no reports', async () => {
    const [taken] = await scene.take('clock-range', 1);
    expect(Math.abs((taken?.frame.sender_us ?? 0) / 1000 - Date.now())).toBeLessThan(10_000);
  });

  it('gives sender_us with reports, also after timestamps wrapped', async () => {
    const [taken] = await scene.take('wrap', 1);
    expect(Math.abs((taken?.frame.sender_us ?? 0) / 1000 - Date.now())).toBeLessThan(10_000);
    await pause(0);
  });
});
