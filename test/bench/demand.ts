/** What callers cost who do not want every frame. */
import { pause } from '../support/wait.js';
import { cores, HD, percent, SECONDS, serve, share, WARM_UP_MS, withFarm, withProxy } from './harness.js';
import { coresOf } from './measure.js';
import { type ClientOptions, end, startFfmpeg } from './peers.js';
import type { Row } from './report.js';

const GOP = 50;

export async function benchKeyframes(): Promise<Row[]> {
  return await withFarm(HD, 8, async (farm, names) => {
    const options: ClientOptions = { seconds: SECONDS, terms: { key_frame_only: true, wait_ms: 5000 }, step: GOP };
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
        bar: { most: 1.15 },
      },
      {
        work: `${work} keyframes delivered`,
        ours: percent(share(ours)),
        peer: '',
        value: share(ours),
        bar: { least: 1 },
      },
    ];
  });
}

export async function benchInterval(): Promise<Row[]> {
  return await withFarm(HD, 1, async (farm, names) => {
    const run = (options: ClientOptions) =>
      withProxy(farm, names, (proxy) => serve(farm, names, proxy.grpcAddress, proxy.pid, options));
    const some = await run({ seconds: SECONDS, terms: { interval_ms: 1000, wait_ms: 5000 }, step: GOP / 2 });
    const all = await run({ seconds: SECONDS });
    return [
      {
        work: '1 × 1080p25, one caller at interval_ms=1000: CPU',
        ours: cores(some.cores),
        peer: `${cores(all.cores)} (the same, every frame)`,
        value: some.cores / all.cores,
        bar: { most: 0.65 },
      },
    ];
  });
}
