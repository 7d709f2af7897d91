/** Video files that FFmpeg makes, for tests whose pictures need no number. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024;
const BOUND_MS = 60_000;

export interface Film {
  readonly width: number;
  readonly height: number;
  /** FFmpeg's arguments for the encoder, such as `-pix_fmt yuv444p`. */
  readonly encoder?: readonly string[];
  readonly fps?: number;
  readonly frames?: number;
}

/** Writes a test picture with moving parts, without B-frames, in the format that the file's name says. */
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
