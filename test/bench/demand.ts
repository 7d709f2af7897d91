/** Cost of callers that ask for some frames only. */
import { pause, waitFor } from '../support/wait.js';
import { ImageClient } from '../support/grpc-client.js';
import { cores, HD, percent, SECONDS, serve, share, WARM_UP_MS, withFarm, withProxy } from './harness.js';
import { coresOf } from './measure.js';
import { type ClientOptions, end, startFfmpeg } from './peers.js';
import type { Row } from './report.js';

const GOP = 50;

export async function benchKeyframes(): Promise<Row[]> {
  return await withFarm(HD, 8, async (farm, names) => {
    const options: ClientOptions = { seconds: SECONDS, fields: { key_frame_only: true, wait_ms: 5000 }, step: GOP };
    const ours = await withProxy(farm, names, (proxy) => serve(farm, names, proxy.grpcAddress, proxy.pid, options));
    const peers = names.map((name) => startFfmpeg(farm.url(name), 'keyframes'));
    await pause(WARM_UP_MS);
    const theirs = await coresOf(
      peers.map((peer) => peer.pid ?? 0),
      SECONDS,
    );
    await end(peers);
    const work = '8 × 1080p25, one keyframe caller each:';
    return [
      {
        work: `${work} CPU`,
        ours: cores(ours.cores),
        peer: `${cores(theirs)} (ffmpeg -skip_frame nokey)`,
        value: ours.cores / theirs,
        bar: { max: 1.15 },
      },
      {
        work: `${work} keyframes delivered`,
        ours: percent(share(ours)),
        peer: '',
        value: share(ours),
        bar: { min: 1 },
      },
    ];
  });
}

export async function benchInterval(): Promise<Row[]> {
  return await withFarm(HD, 1, async (farm, names) => {
    const run = (options: ClientOptions) =>
      withProxy(farm, names, (proxy) => serve(farm, names, proxy.grpcAddress, proxy.pid, options));
    const some = await run({ seconds: SECONDS, fields: { interval_ms: 1000, wait_ms: 5000 }, step: GOP / 2 });
    const all = await run({ seconds: SECONDS });
    return [
      {
        work: '1 × 1080p25, one caller at interval_ms=1000: CPU',
        ours: cores(some.cores),
        peer: `${cores(all.cores)} (the same, every frame)`,
        value: some.cores / all.cores,
        bar: { max: 0.65 },
      },
    ];
  });
}

const FIRST_FRAMES = 16;
const RUNNING_BOUND_MS = 60_000;

/** Time until the first frame of an idle camera, at random places in groups of 4 s. */
export async function benchFirstFrame(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [name, clip] of [
    ['1080p25', 'h264-1920x1080-25-g100'],
    ['640x480@25', 'h264-640x480-25-g100'],
  ] as const) {
    const took = await withFarm(clip, FIRST_FRAMES, (farm, names) =>
      withProxy(farm, names, async (proxy) => {
        for (const camera of names) await proxy.cameraIsRunning(camera, RUNNING_BOUND_MS);
        const client = new ImageClient(proxy.grpcAddress, 'unary');
        await waitFor('the first keyframes', RUNNING_BOUND_MS, async () => {
          const { data } = await client.frame({ device_id: names[0] ?? '' });
          return data.length > 0;
        });
        // By then the camera is idle again.
        await pause(12_000);
        const milliseconds: number[] = [];
        for (const camera of names.slice(1)) {
          const startMs = performance.now();
          const { data } = await client.frame({ device_id: camera, wait_ms: 10_000 });
          if (data.length === 0) throw new Error(`${camera} gave no frame`);
          milliseconds.push(performance.now() - startMs);
          // The previous caller must not keep decoding going.
          await proxy.removeCamera(camera);
          // Moves to another place in the group.
          await pause(270);
        }
        client.close();
        return milliseconds.sort((a, b) => a - b);
      }),
    );
    const median = took[Math.floor(took.length / 2)] ?? NaN;
    const worst = took.at(-1) ?? NaN;
    rows.push({
      work: `${name}, GOP 4 s: first frame of an idle camera, ms, the worst of ${took.length}`,
      ours: `${worst.toFixed(0)} ms, median ${median.toFixed(0)}`,
      peer: '',
      value: worst,
      bar: { max: 300 },
    });
  }
  return rows;
}
