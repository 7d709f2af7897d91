/** FFmpeg's command line as the reference for what the proxy must deliver. */
import { execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PROJECT } from './proxy.js';

const run = promisify(execFile);
const MAX_OUTPUT_BYTES = 512 * 1024 * 1024;
const BOUND_MS = 120_000;

/** Path of a clip, for FFmpeg or a `file:` camera. The file exists when a farm has played it, see `makeClip`. */
export function clipFile(clip: string): string {
  return join(PROJECT, 'test/.cache/clips', `${clip}.mp4`);
}

/** The first `count` pictures of a file or an RTSP URL as BGR24, each width * height * 3 bytes. */
export async function decodeBgr(source: string, width: number, height: number, count: number): Promise<Buffer[]> {
  const transport = source.startsWith('rtsp:') ? ['-rtsp_transport', 'tcp'] : [];
  const { stdout } = await run(
    'ffmpeg',
    ['-nostdin', '-v', 'error', ...transport, '-i', source, '-frames:v', String(count), '-pix_fmt', 'bgr24'].concat([
      '-fps_mode',
      'passthrough',
      '-f',
      'rawvideo',
      'pipe:1',
    ]),
    { encoding: 'buffer', maxBuffer: MAX_OUTPUT_BYTES, timeout: BOUND_MS },
  );
  const bytes = width * height * 3;
  return Array.from({ length: Math.floor(stdout.length / bytes) }, (_, index) =>
    stdout.subarray(index * bytes, (index + 1) * bytes),
  );
}

/** Converts one picture, a JPEG file or raw pixels in the format `from`, to BGR24 with FFmpeg. */
export async function convertToBgr(
  data: Buffer,
  from: 'jpeg' | RawForm,
  width: number,
  height: number,
): Promise<Buffer> {
  const input = from === 'jpeg' ? ['-f', 'mjpeg'] : ['-f', 'rawvideo', '-pix_fmt', from, '-s', `${width}x${height}`];
  const child = spawn('ffmpeg', [
    '-v',
    'error',
    ...input,
    '-i',
    'pipe:0',
    '-pix_fmt',
    'bgr24',
    '-f',
    'rawvideo',
    'pipe:1',
  ]);
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stdin.end(data);
  await new Promise((resolve) => child.once('close', resolve));
  return Buffer.concat(chunks);
}

/** FFmpeg's name of a pixel format. */
export type RawForm = 'rgb24' | 'gray' | 'yuv420p';

/** Mean absolute difference of two pictures of one size, 0 to 255. */
export function meanDifference(one: Uint8Array, other: Uint8Array): number {
  if (one.length !== other.length) throw new Error(`pictures of ${one.length} and ${other.length} bytes`);
  let sum = 0;
  for (let at = 0; at < one.length; at += 1) sum += Math.abs((one[at] ?? 0) - (other[at] ?? 0));
  return sum / one.length;
}
