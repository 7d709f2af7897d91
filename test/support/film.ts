/** Video files made by FFmpeg, for tests that need no number in the pictures. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024;
const BOUND_MS = 120_000;

export interface Film {
  readonly width: number;
  readonly height: number;
  /** FFmpeg's arguments for the encoder, such as `-pix_fmt yuv444p`. */
  readonly encoder?: readonly string[];
  readonly fps?: number;
  readonly frames?: number;
}

/** Writes a moving test picture without B-frames. The extension of the file names the format. */
export async function makeFilm(
  file: string,
  { width, height, encoder = [], fps = 5, frames = 5 }: Film,
): Promise<void> {
  await ffmpeg(
    ['-f', 'lavfi', '-i', `testsrc2=size=${width}x${height}:rate=${fps}`, '-frames:v', `${frames}`, '-bf', '0'],
    [...encoder, '-y', file],
  );
}

/** Runs FFmpeg; returns its standard output. */
export async function ffmpeg(...parts: (readonly string[])[]): Promise<Buffer> {
  const { stdout } = await run('ffmpeg', ['-nostdin', '-v', 'error', ...parts.flat()], {
    encoding: 'buffer',
    maxBuffer: MAX_OUTPUT_BYTES,
    timeout: BOUND_MS,
  });
  return stdout;
}
