/**
 * Receives every frame of every camera. Prints the number of frames and their age once a second.
 *
 *     show-all [HOST:PORT] [--keyframes] [--seconds N]
 */
import { parseArgs } from 'node:util';
import { Proxy, run } from './client.js';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { keyframes: { type: 'boolean', default: false }, seconds: { type: 'string', default: 'Infinity' } },
});

const agesMs = new Map<string, number[]>();

async function take(proxy: Proxy, camera: string): Promise<void> {
  for await (const frame of proxy.frames(camera, options.keyframes)) {
    agesMs.get(camera)?.push(Date.now() - frame.timestamp);
  }
}

function report(): void {
  for (const [camera, ages] of agesMs) {
    ages.sort((a, b) => a - b);
    const median = ages[ages.length >> 1];
    const age = median === undefined ? '' : `age ${String(median)} ms (median)`;
    console.log(camera.padEnd(24), `${String(ages.length).padStart(4)} frames/s  `, age);
    agesMs.set(camera, []);
  }
}

await run(async () => {
  const proxy = new Proxy(positionals[0]);
  for (const { name } of await proxy.cameras()) {
    agesMs.set(name, []);
    void run(() => take(proxy, name));
  }
  const timer = setInterval(report, 1000);
  if (Number.isFinite(Number(options.seconds))) {
    setTimeout(
      () => {
        clearInterval(timer);
        process.exit();
      },
      Number(options.seconds) * 1000,
    );
  }
});
