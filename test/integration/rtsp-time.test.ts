/** Wrong timestamps: pictures stay in order, callers keep their interval, files last as long as their pictures took. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CameraOptions } from '../farm/fake-camera.js';
import { probed } from '../support/segments.js';
import { FakeCameraScene } from '../support/scene.js';
import { take, type Taken as Picture } from '../support/take.js';

/** Time for several wrong timestamps of each kind. */
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

/** What callers got between their first and their last frame. `frames` includes skipped ones. */
interface Count {
  readonly frames: number;
  /** Between the arrivals. */
  readonly seconds: number;
}

interface Seen {
  /** A caller that asks for one frame per second. */
  readonly perSecond: Count;
  /** A caller that asks for all frames. */
  readonly all: Count;
  readonly faults: readonly string[];
  /** Pictures that the camera sent in one second of the whole time. */
  readonly sentPerSecond: number;
}

let scene: FakeCameraScene<Name>;
let seen: Map<Name, Seen>;

/** Frames of a caller with this interval (0 = all), including skipped ones, and faults of their order. */
async function watchFrames(name: Name, intervalMs: number): Promise<Count & { readonly faults: readonly string[] }> {
  const client = scene.newClient();
  const request = { device_id: name, interval_ms: intervalMs, wait_ms: 5000 };
  const faults: string[] = [];
  await take(client, request, 2);
  const [first] = await take(client, request, 1);
  let before = first!;
  let frames = 0;
  const startMs = performance.now();
  while (performance.now() - startMs < WATCHED_MS) {
    const [now] = await take(client, request, 1);
    frames += 1 + now!.frame.skipped;
    faults.push(...faultsBetween(before, now!, intervalMs === 0));
    before = now!;
  }
  return { frames, seconds: (before.frame.arrival_us - first!.frame.arrival_us) / 1e6, faults };
}

function faultsBetween(before: Picture, now: Picture, all: boolean): string[] {
  const faults: string[] = [];
  const step = (Number(now.number) - Number(before.number) + 100) % 100;
  if (all && step !== (1 + now.frame.skipped) % 100) {
    faults.push(`${before.number} is followed by ${now.number}, skipped ${now.frame.skipped}`);
  }
  for (const field of ['frame_id', 'pts'] as const) {
    if (now.frame[field] <= before.frame[field])
      faults.push(`${field} ${now.frame[field]} after ${before.frame[field]}`);
  }
  if (now.frame.sender_us < 0) faults.push(`sender_us ${now.frame.sender_us}`);
  return faults;
}

async function watch(name: Name): Promise<Seen> {
  const startMs = performance.now();
  const before = await scene.counts(name);
  const [perSecond, all] = await Promise.all([watchFrames(name, 1000), watchFrames(name, 0)]);
  const after = await scene.counts(name);
  const sentPerSecond = ((after.pictures - before.pictures) * 1000) / (performance.now() - startMs);
  return { perSecond, all, faults: [...perSecond.faults, ...all.faults], sentPerSecond };
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

describe('wrong timestamps', () => {
  it.each(NAMES)('leave every picture in order: %s', (name) => {
    expect(seen.get(name)?.faults).toEqual([]);
  });

  it.each(NAMES)('leave one frame per second to a caller that asks for that: %s', (name) => {
    const { frames, seconds } = seen.get(name)!.perSecond;
    expect(seconds).toBeGreaterThan(10);
    expect(Math.abs(frames - seconds)).toBeLessThanOrEqual(3);
  });

  it.each(NAMES)('leave the camera running, with its rate: %s', async (name) => {
    const { phase, stats } = await scene.state(name);
    expect({ phase, reconnects: stats.reconnects }).toEqual({ phase: 'running', reconnects: 0 });
    const { all, sentPerSecond } = seen.get(name)!;
    expect(Math.abs(all.frames / all.seconds / sentPerSecond - 1)).toBeLessThan(0.2);
    if (name !== 'constant') expect(Math.abs(stats.fps / sentPerSecond - 1)).toBeLessThan(0.2);
  });

  it.each(NAMES)('give files that last as long as their pictures took: %s', async (name) => {
    const files = await scene.recorded(name, 12);
    // The rate is known after some seconds.
    const known = files.slice(5);
    let seconds = 0;
    for (const { path, durationMs } of known) {
      const { durationSeconds } = await probed(path);
      // The name of the file has the time that its pictures took.
      expect(Math.abs(durationSeconds - durationMs / 1000)).toBeLessThan(0.5);
      seconds += durationSeconds;
    }
    const first = known[0];
    const last = known.at(-1);
    if (first === undefined || last === undefined) throw new Error('There are no files');
    const wall = (last.startMs + last.durationMs - first.startMs) / 1000;
    expect(Math.abs(seconds / wall - 1)).toBeLessThan(0.05);
    const pictures = known.length * FPS;
    expect(Math.abs((wall * seen.get(name)!.sentPerSecond) / pictures - 1)).toBeLessThan(0.2);
  });
});

describe("the camera's clock", () => {
  it('gives sender_us once it is set', async () => {
    const [taken] = await scene.take('clock-set', 1);
    expect(Math.abs((taken?.frame.sender_us ?? 0) / 1000 - Date.now())).toBeLessThan(10_000);
  });

  it('is taken from the answer to PLAY when there are no sender reports', async () => {
    const [taken] = await scene.take('clock-range', 1);
    expect(Math.abs((taken?.frame.sender_us ?? 0) / 1000 - Date.now())).toBeLessThan(10_000);
  });

  it('gives sender_us with sender reports, also after timestamps wrapped', async () => {
    const [taken] = await scene.take('wrap', 1);
    expect(Math.abs((taken?.frame.sender_us ?? 0) / 1000 - Date.now())).toBeLessThan(10_000);
  });
});
