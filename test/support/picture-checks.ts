/** What is wrong with pictures and files, as sentences. An empty list means: nothing. */
import { numbersIn, probed, type SegmentFile } from './segments.js';
import { outOfOrder, type Taken } from './take.js';

/**
 * Checks pictures that one caller took, of a clip with `clipFrames` pictures: none is torn or damaged, the number grows by
 * 1 + `skipped` with each, and the pts grows.
 */
export function pictureFaults(taken: readonly Taken[], clipFrames: number): string[] {
  const faults: string[] = [];
  for (const [at, { number, frame }] of taken.entries()) {
    if (number === 'torn') faults.push(`picture ${at} is torn`);
    if (frame.is_corrupt) faults.push(`picture ${at} is flagged as damaged`);
    const before = taken[at - 1];
    if (before === undefined || before.number === 'torn' || number === 'torn') continue;
    const step = (number - before.number + clipFrames) % clipFrames;
    const expected = (1 + frame.skipped) % clipFrames;
    if (step !== expected) faults.push(`${before.number} is followed by ${number}, skipped ${frame.skipped}`);
  }
  for (const { frame } of outOfOrder(taken)) faults.push(`pts ${frame.pts} is not later than the one before`);
  return faults;
}

export interface ExpectedFiles {
  readonly width?: number;
  readonly height?: number;
  /** Pictures in each file. */
  readonly packets?: number;
  readonly seconds?: number;
  readonly clipFrames?: number;
  readonly codec?: string;
}

/** Maximum deviation from the expected length, as a share of it. Durations follow arrivals, which a busy machine shifts. */
const LENGTH_TOLERANCE = 0.25;

/**
 * Checks recorded files that follow each other: FFmpeg reads them without a complaint, codec, size, length and number of
 * pictures are as expected, each begins with a keyframe, and no picture is torn or missing.
 */
export async function fileFaults(
  files: readonly SegmentFile[],
  { width = 320, height = 240, packets = 25, seconds = 1, clipFrames = 100, codec = 'h264' }: ExpectedFiles = {},
): Promise<string[]> {
  const faults: string[] = [];
  let before: number | undefined;
  for (const file of files) {
    const found = await probed(file.path);
    const fault = (text: string): number => faults.push(`${file.name}: ${text}`);
    if (found.complaints !== '') fault(found.complaints);
    if (found.codec !== codec) fault(`codec ${found.codec}`);
    if (found.width !== width || found.height !== height) fault(`${found.width} x ${found.height}`);
    if (found.packets !== packets) fault(`${found.packets} packets`);
    if (!found.firstIsKeyframe) fault('does not begin with a keyframe');
    if (Math.abs(found.startSeconds) > 0.2) fault(`begins at ${found.startSeconds} s`);
    if (Math.abs(found.durationSeconds / seconds - 1) > LENGTH_TOLERANCE) fault(`lasts ${found.durationSeconds} s`);
    const numbers = await numbersIn(file.path, width, height);
    if (numbers.length !== packets) fault(`${numbers.length} pictures`);
    for (const number of numbers) {
      if (number === 'torn') fault('a torn picture');
      else if (before !== undefined && number !== (before + 1) % clipFrames)
        fault(`${before} is followed by ${number}`);
      before = number === 'torn' ? undefined : number;
    }
  }
  return faults;
}
