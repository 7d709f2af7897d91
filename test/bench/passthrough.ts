/** Cost of passthrough to an RTMP server, against FFmpeg. */
import { spawn } from 'node:child_process';

import { RtmpServer } from '../support/rtmp-server.js';
import { pause, waitFor } from '../support/wait.js';
import { cores, HD, SECONDS, SETTLE_MS, WARM_UP_MS, withFarm, withProxy } from './harness.js';
import { coresOf } from './measure.js';
import { end } from './peers.js';
import type { Row } from './report.js';

const CAMERA = 'cam1';
const BOUND_MS = 60_000;

interface Shown {
  readonly chrysproxy: { readonly passthrough: { readonly packets: number; readonly lost_packets: number } };
}

export async function benchPassthrough(): Promise<Row[]> {
  const server = await RtmpServer.start();
  try {
    return await withFarm(HD, 1, async (farm, names) => {
      const { idle, used, packets, lost } = await withProxy(farm, names, async (proxy) => {
        const route = `/api/v1/process/${CAMERA}`;
        const passed = async (): Promise<Shown['chrysproxy']['passthrough']> => {
          return (JSON.parse((await proxy.rest('GET', route)).text) as Shown).chrysproxy.passthrough;
        };
        await proxy.cameraIsRunning(CAMERA, BOUND_MS);
        await pause(SETTLE_MS);
        const idleCores = await coresOf([proxy.pid], SECONDS);
        await proxy.rest('PATCH', route, { rtmp_endpoint: server.url('ours'), passthrough: true });
        await waitFor('the stream to be passed on', BOUND_MS, async () => (await passed()).packets > 0);
        await pause(SETTLE_MS);
        const before = await passed();
        const usedCores = await coresOf([proxy.pid], SECONDS);
        const after = await passed();
        return { idle: idleCores, used: usedCores, packets: after.packets - before.packets, lost: after.lost_packets };
      });
      const input = ['-nostdin', '-v', 'error', '-rtsp_transport', 'tcp', '-i', farm.url(CAMERA)];
      const peer = spawn('ffmpeg', [...input, '-an', '-c', 'copy', '-f', 'flv', server.url('theirs')], {
        stdio: ['ignore', 'ignore', 'inherit'],
      });
      await pause(WARM_UP_MS);
      const theirs = await coresOf([peer.pid ?? 0], SECONDS);
      await end([peer]);
      const work = '1 × 1080p25 passed on to RTMP:';
      return [
        {
          work: `${work} CPU, receiving it included`,
          ours: cores(used),
          peer: `${cores(theirs)} (ffmpeg -c copy -f flv)`,
          value: used / theirs,
          bar: { max: 1.5 },
        },
        { work: `${work} CPU beyond receiving`, ours: cores(used - idle), peer: '–', value: used - idle, bar: {} },
        {
          work: `${work} packets of those due`,
          ours: `${packets}, ${lost} lost`,
          peer: '–',
          value: packets / (25 * SECONDS),
          bar: { min: 0.98 },
        },
      ];
    });
  } finally {
    await server.stop();
  }
}
