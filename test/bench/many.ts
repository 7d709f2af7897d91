/** Many cameras in one proxy: whether all keep running, and the cost of each. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Farm } from '../farm/farm.js';
import type { Proxy } from '../support/proxy.js';
import { pause } from '../support/wait.js';
import { lineChart } from './chart.js';
import { cores, withFarm, withProxy } from './harness.js';
import { coresOf, pssMegabytes } from './measure.js';
import { end, startTakers } from './peers.js';
import type { Row } from './report.js';

const CLIP = 'h264-640x480-15-g30';
const MANY = 64;
const MANY_SECONDS = Number(process.env['BENCH_MANY_SECONDS'] ?? 600);
const SCALING_SECONDS = 10;
const SCALING_SETTLE_MS = 12_000;
const COUNTS = [1, 2, 4, 8, 16, 32, 64];
const CHARTS = fileURLToPath(new URL('../../docs/design/', import.meta.url));

interface Stats {
  readonly name: string;
  readonly status: string;
  readonly chrysproxy: { readonly stats: { readonly reconnects: number; readonly fps: number } };
}

async function camerasOf(proxy: Proxy): Promise<Stats[]> {
  return JSON.parse((await proxy.rest('GET', '/api/v1/processlist')).text) as Stats[];
}

export async function benchMany(): Promise<Row[]> {
  return await withFarm(CLIP, MANY, (farm, names) =>
    withProxy(farm, names, async (proxy) => {
      const takers = startTakers(proxy.grpcAddress, names, { key_frame_only: true, wait_ms: 5000 });
      await pause(30_000);
      const used = await coresOf([proxy.pid], MANY_SECONDS);
      const rssMb = proxy.usage().rssKiB / 1024;
      const cameras = await camerasOf(proxy);
      await end([takers]);
      const reconnects = cameras.reduce((sum, { chrysproxy }) => sum + chrysproxy.stats.reconnects, 0);
      const away = cameras.filter(({ status }) => status !== 'running').length;
      const work = `${MANY} × 640x480@15, keyframe callers, ${MANY_SECONDS} s:`;
      return [
        {
          work: `${work} reconnects and cameras away`,
          ours: String(reconnects + away),
          peer: '',
          value: reconnects + away,
          bar: { max: 0 },
        },
        { work: `${work} CPU`, ours: cores(used), peer: '', value: used, bar: { max: 1 } },
        { work: `${work} RSS (MB)`, ours: rssMb.toFixed(0), peer: '', value: rssMb, bar: { max: 1638 } },
      ];
    }),
  );
}

const DEMANDS: Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>> = {
  idle: undefined,
  keyframes: { key_frame_only: true, wait_ms: 5000 },
  all: {},
};

/** CPU and memory by the number of cameras, as a table and as charts in docs/design. */
export async function benchScaling(): Promise<Row[]> {
  const rows: Row[] = [];
  const cpu: Record<string, [number, number][]> = { idle: [], keyframes: [], all: [] };
  const memory: Record<string, [number, number][]> = { idle: [], keyframes: [], all: [] };
  for (const count of COUNTS) {
    await withFarm(CLIP, count, async (farm, names) => {
      for (const [demand, fields] of Object.entries(DEMANDS)) {
        const point = await measure(farm, names, fields);
        cpu[demand]?.push([count, point.cores]);
        memory[demand]?.push([count, point.pssMb]);
        rows.push({
          work: `${count} × 640x480@15, ${demand}: CPU`,
          ours: `${cores(point.cores)}, ${point.pssMb.toFixed(0)} MB`,
          peer: '',
          value: point.cores,
          bar: {},
        });
      }
    });
  }
  writeFileSync(`${CHARTS}scaling-cpu.svg`, lineChart('CPU by cameras of 640x480@15', 'cameras', 'cores', cpu));
  writeFileSync(
    `${CHARTS}scaling-memory.svg`,
    lineChart('Memory (PSS) by cameras of 640x480@15', 'cameras', 'MB', memory),
  );
  return rows;
}

async function measure(
  farm: Farm,
  names: readonly string[],
  fields: Readonly<Record<string, unknown>> | undefined,
): Promise<{ cores: number; pssMb: number }> {
  return await withProxy(farm, names, async (proxy) => {
    const takers = fields === undefined ? [] : [startTakers(proxy.grpcAddress, names, fields)];
    await pause(SCALING_SETTLE_MS);
    const used = await coresOf([proxy.pid], SCALING_SECONDS);
    const pssMb = pssMegabytes(proxy.pid);
    await end(takers);
    return { cores: used, pssMb };
  });
}
