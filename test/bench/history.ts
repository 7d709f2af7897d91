/** The history in memory, against FFmpeg that decodes the same pictures into a pipe. */
import { spawn } from 'node:child_process';
import { clipFile } from '../support/ffmpeg.js';
import { pause } from '../support/wait.js';
import { HD, SD, withFarm, withProxy } from './harness.js';
import { runPython } from './peers.js';
import type { Row } from './report.js';

const FRAMES = 250;
const FPS = 25;
const ROUNDS = 5;

interface PastResult {
  readonly frames: number;
  readonly seconds: number;
  readonly torn: number;
}

/** Frames per second of FFmpeg into a pipe with a reader. Median of several runs. */
async function ffmpegRate(clip: string): Promise<number> {
  const startMs = performance.now();
  const child = spawn(
    'ffmpeg',
    ['-nostdin', '-v', 'error', '-i', clipFile(clip), '-frames:v', String(FRAMES), '-f', 'rawvideo'].concat([
      '-pix_fmt',
      'bgr24',
      'pipe:1',
    ]),
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  child.stdout.on('data', () => undefined);
  await new Promise((resolve) => child.once('close', resolve));
  return FRAMES / ((performance.now() - startMs) / 1000);
}

async function benchClip(clip: string, name: string): Promise<Row> {
  return await withFarm(clip, 1, (farm, names) =>
    withProxy(
      farm,
      names,
      async (proxy) => {
        await pause(((FRAMES + 2 * FPS) / FPS) * 1000 + 5000);
        const ours: number[] = [];
        const theirs: number[] = [];
        for (let round = 0; round < ROUNDS; round += 1) {
          const result = await runPython<PastResult>('past.py', [
            proxy.grpcAddress,
            names[0] ?? '',
            String(FRAMES),
            String(FPS),
          ]);
          if (result.torn > 0 || result.frames < FRAMES)
            throw new Error(`${result.frames} frames, ${result.torn} torn`);
          ours.push(result.frames / result.seconds);
          theirs.push(await ffmpegRate(clip));
        }
        const [our, their] = [median(ours), median(theirs)];
        return {
          work: `VideoBufferedImage of ${FRAMES} frames ${name} to a Python client`,
          ours: `${our.toFixed(0)} frames/s`,
          peer: `${their.toFixed(0)} frames/s (ffmpeg to a pipe)`,
          value: our / their,
          bar: { min: 0.6 },
        };
      },
      { config: { buffer: { in_memory: 2 * FRAMES } } },
    ),
  );
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

export async function benchPast(): Promise<Row[]> {
  return [await benchClip(HD, '1080p'), await benchClip(SD, '480p')];
}
