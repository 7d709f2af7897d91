/** Cameras with callers that take every frame, against a server in Python. */
import { pause } from '../support/wait.js';
import {
  compare,
  cores,
  cpu,
  delivered,
  fps,
  HD,
  medianAge,
  ms,
  SD,
  SECONDS,
  type Served,
  IDLE_SETTLE_MS,
  slowest,
  sum,
  WARM_UP_MS,
  withFarm,
  withProxy,
} from './harness.js';
import { coresOf } from './measure.js';
import { end, startFfmpeg } from './peers.js';
import type { Row } from './report.js';

export async function benchIdle(): Promise<Row[]> {
  return await withFarm(HD, 4, async (farm, names) => {
    const ours = await withProxy(farm, names, async (proxy) => {
      await pause(IDLE_SETTLE_MS);
      return await coresOf([proxy.pid], SECONDS);
    });
    const peers = names.map((name) => startFfmpeg(farm.url(name), 'copy'));
    await pause(WARM_UP_MS);
    const theirs = await coresOf(
      peers.map((peer) => peer.pid ?? 0),
      SECONDS,
    );
    await end(peers);
    return [
      {
        work: '4 × 1080p25, nobody asking: CPU',
        ours: cores(ours),
        peer: `${cores(theirs)} (ffmpeg -c copy)`,
        value: ours / theirs,
        bar: { max: 0.7 },
      },
    ];
  });
}

export async function benchOne(): Promise<Row[]> {
  return await withFarm(HD, 1, async (farm, names) => {
    const { ours, peer } = await compare(farm, names);
    return [
      delivered('1 × 1080p25, one unary client: frames delivered', ours, peer, { min: 0.995 }),
      cpu('1 × 1080p25, one unary client: CPU', ours, peer, 0.9),
      {
        work: '1 × 1080p25, one unary client: glass to client, median',
        ours: ms(medianAge(ours)),
        peer: ms(medianAge(peer)),
        value: medianAge(ours) / medianAge(peer),
        bar: { max: 1 },
      },
    ];
  });
}

export async function benchFourSmall(): Promise<Row[]> {
  return await withFarm(SD, 4, async (farm, names) => {
    const { ours, peer } = await compare(farm, names);
    return [
      delivered('4 × 640x480@25, one client each: frames delivered', ours, peer, { min: 1 }),
      cpu('4 × 640x480@25, one client each: CPU', ours, peer, 0.8),
    ];
  });
}

export async function benchFourLarge(): Promise<Row[]> {
  return await withFarm(HD, 4, async (farm, names) => {
    const { ours, peer } = await compare(farm, names);
    const work = '4 × 1080p25, one client each:';
    const wrong = (served: Served): number =>
      sum(served, (client) => client.repeated + client.disordered + client.torn);
    return [
      {
        work: `${work} fps of the slowest camera`,
        ours: fps(slowest(ours)),
        peer: fps(slowest(peer)),
        value: slowest(ours),
        bar: { min: 23 },
      },
      {
        work: `${work} median age (ms) of the worst camera`,
        ours: ms(medianAge(ours)),
        peer: ms(medianAge(peer)),
        value: medianAge(ours),
        bar: { max: 100 },
      },
      {
        work: `${work} repeated, out of order or torn`,
        ours: String(wrong(ours)),
        peer: String(wrong(peer)),
        value: wrong(ours),
        bar: { max: 0 },
      },
      {
        work: `${work} CPU`,
        ours: cores(ours.cores),
        peer: cores(peer.cores),
        value: ours.cores / peer.cores,
        bar: {},
      },
      {
        work: `${work} memory (PSS, MB)`,
        ours: ours.pssMb.toFixed(0),
        peer: peer.pssMb.toFixed(0),
        value: ours.pssMb,
        bar: { max: 400 },
      },
    ];
  });
}
