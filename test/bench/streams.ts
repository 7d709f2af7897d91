/** Frames pushed by VideoStream, in several output formats. */
import {
  cores,
  fps,
  HD,
  medianAge,
  ms,
  percent,
  SECONDS,
  serve,
  type Served,
  share,
  slowest,
  sum,
  withFarm,
  withProxy,
} from './harness.js';
import type { ClientOptions } from './peers.js';
import type { Row } from './report.js';

async function pushed(cameras: number, options: Partial<ClientOptions>): Promise<Served> {
  return await withFarm(HD, cameras, (farm, names) =>
    withProxy(farm, names, (proxy) =>
      serve(farm, names, proxy.grpcAddress, proxy.pid, { seconds: SECONDS, stream: true, ...options }),
    ),
  );
}

function rate(work: string, served: Served, min: number): Row {
  return {
    work: `${work} fps of the slowest camera`,
    ours: fps(slowest(served)),
    peer: '',
    value: slowest(served),
    bar: { min },
  };
}

function order(work: string, served: Served): Row {
  const wrong = sum(served, (client) => client.repeated + client.disordered + client.torn);
  return {
    work: `${work} repeated, out of order or torn`,
    ours: String(wrong),
    peer: '',
    value: wrong,
    bar: { max: 0 },
  };
}

function age(work: string, served: Served, max?: number): Row {
  const value = medianAge(served);
  return {
    work: `${work} median age (ms) of the worst camera`,
    ours: ms(value),
    peer: '',
    value,
    bar: max === undefined ? {} : { max },
  };
}

function used(work: string, served: Served, max?: number): Row {
  return {
    work: `${work} CPU`,
    ours: cores(served.cores),
    peer: '',
    value: served.cores,
    bar: max === undefined ? {} : { max },
  };
}

export async function benchStreamBgr(): Promise<Row[]> {
  const work = '4 × 1080p25 through VideoStream:';
  const served = await pushed(4, {});
  return [rate(work, served, 24.5), age(work, served, 80), order(work, served), used(work, served)];
}

export async function benchStreamI420(): Promise<Row[]> {
  const work = '6 × 1080p25 through VideoStream, I420:';
  const served = await pushed(6, { fields: { format: 'I420' } });
  return [rate(work, served, 20), age(work, served), order(work, served), used(work, served)];
}

export async function benchStreamJpeg(): Promise<Row[]> {
  const work = '4 × 1080p25 as 640-wide JPEG:';
  const served = await pushed(4, { fields: { format: 'JPEG', width: 640 } });
  return [
    {
      work: `${work} frames delivered`,
      ours: percent(share(served)),
      peer: '',
      value: share(served),
      bar: { min: 1 },
    },
    used(work, served, 1.2),
    age(work, served),
    order(work, served),
  ];
}
