/** Pictures of every size, format and source, compared with those that the ffmpeg command makes of the same file. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { FRAME_FILTER, PICTURE_FORMAT } from '../../src/gen/ring-layout.js';
import { ffmpeg, type Film, makeFilm } from '../support/film.js';
import { waitFor } from '../support/wait.js';
import { CaptureRig, decode } from './capture-rig.js';

const BOUND_MS = 20_000;
/** FFmpeg's names of the formats. */
const RAW = { bgr24: 'bgr24', rgb24: 'rgb24', gray8: 'gray', i420: 'yuv420p' } as const;
type Raw = keyof typeof RAW;
const EVERY_RAW = Object.keys(RAW) as Raw[];

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'chrys-pictures-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

interface OutputFormat {
  readonly format: Raw | 'jpeg';
  readonly width?: number;
  readonly height?: number;
}

interface Picture {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** The first picture of the file in each output format. */
async function firstPictures(file: string, formats: readonly OutputFormat[]): Promise<Picture[]> {
  const rig = new CaptureRig();
  try {
    for (const [output, { format, ...size }] of formats.entries()) {
      // Output 0 always delivers unscaled BGR24.
      rig.setFormat(output + 1, { format: PICTURE_FORMAT[format], ...size });
      rig.demandOf(output + 1, FRAME_FILTER.keyframes);
    }
    rig.start(file);
    const pictures: Picture[] = [];
    for (const output of formats.keys()) {
      const frame = await waitFor(`picture ${output}`, BOUND_MS, () => {
        expect(rig.result).toBeUndefined();
        return rig.readers[output + 1]?.find({
          after: 0,
          filter: 0,
          serial: 0,
          withholdCorrupt: false,
          notBeforeMs: 0,
          inOrder: true,
        });
      });
      const { data, width, height } = decode(frame);
      pictures.push({ data, width, height });
    }
    return pictures;
  } finally {
    await rig.dispose();
  }
}

/** Maximum difference of two bytes at the same place; Infinity if the lengths differ. */
function greatestDifference(one: Uint8Array, other: Uint8Array): number {
  if (one.length !== other.length) return Infinity;
  let greatest = 0;
  for (let at = 0; at < one.length; at += 1) greatest = Math.max(greatest, Math.abs((one[at] ?? 0) - (other[at] ?? 0)));
  return greatest;
}

async function byFfmpeg(file: string, format: Raw, scale: readonly string[] = []): Promise<Buffer> {
  return await ffmpeg(['-i', file, '-frames:v', '1'], scale, ['-pix_fmt', RAW[format], '-f', 'rawvideo', 'pipe:1']);
}

describe('pictures of the size that the camera sends', () => {
  it.each([854, 1366, 500, 1030, 1294, 1000, 640, 18, 34, 2])('%i pixels wide are as FFmpeg makes them', async (width) => {
    const file = join(folder, `w${width}.mp4`);
    const height = Math.max(2, 2 * Math.round(width / 4));
    await makeFilm(file, { width, height });
    const pictures = await firstPictures(
      file,
      EVERY_RAW.map((format) => ({ format })),
    );
    for (const [index, format] of EVERY_RAW.entries()) {
      expect([format, greatestDifference(pictures[index]?.data ?? new Uint8Array(), await byFfmpeg(file, format))]).toEqual([
        format,
        0,
      ]);
    }
  });

  const sources: [string, string, Film][] = [
    ['portrait', 'mp4', { width: 270, height: 480 }],
    ['full range', 'mp4', { width: 358, height: 240, encoder: ['-pix_fmt', 'yuvj420p'] }],
    ['4:2:2', 'mp4', { width: 358, height: 240, encoder: ['-pix_fmt', 'yuv422p'] }],
    ['4:4:4 of odd sides', 'mp4', { width: 333, height: 641, encoder: ['-pix_fmt', 'yuv444p'] }],
    ['10 bit', 'mp4', { width: 358, height: 240, encoder: ['-pix_fmt', 'yuv420p10le'] }],
    ['gray', 'mp4', { width: 358, height: 240, encoder: ['-pix_fmt', 'gray'] }],
    ['MJPEG of odd sides', 'avi', { width: 641, height: 333, encoder: ['-c:v', 'mjpeg', '-pix_fmt', 'yuvj420p'] }],
  ];

  it.each(sources)('%s is as FFmpeg makes it', async (name, kind, film) => {
    const file = join(folder, `${name.replaceAll(/\W/g, '-')}.${kind}`);
    await makeFilm(file, film);
    // I420 keeps the range of the source and has even sides; FFmpeg's yuv420p does neither.
    const formats = EVERY_RAW.filter((format) => format !== 'i420');
    const pictures = await firstPictures(
      file,
      formats.map((format) => ({ format })),
    );
    for (const [index, format] of formats.entries()) {
      const difference = greatestDifference(pictures[index]?.data ?? new Uint8Array(), await byFfmpeg(file, format));
      expect([format, difference]).toEqual([format, 0]);
    }
  });
});

describe('pictures of another size', () => {
  it.each([333, 641, 854, 1, 30])('%i pixels wide are as FFmpeg makes them', async (width) => {
    const file = join(folder, 'scaled.mp4');
    await makeFilm(file, { width: 1280, height: 720 });
    const pictures = await firstPictures(
      file,
      EVERY_RAW.map((format) => ({ format, width })),
    );
    for (const [index, format] of EVERY_RAW.entries()) {
      const picture = pictures[index];
      if (picture === undefined) throw new Error('no picture');
      const scale = ['-vf', `scale=${picture.width}:${picture.height}:flags=bilinear`];
      const difference = greatestDifference(picture.data, await byFfmpeg(file, format, scale));
      expect([format, difference <= 1 ? 'as FFmpeg' : difference]).toEqual([format, 'as FFmpeg']);
    }
  });
});

describe('a JPEG', () => {
  it.each([854, 500, 641])('of a picture of %i pixels shows the last column, with the range of JPEG', async (width) => {
    const file = join(folder, `white${width}.mp4`);
    const white = `color=white:size=640x240:rate=5`;
    const size = ['-vf', `scale=${width}:240,format=yuv444p`];
    await ffmpeg(['-f', 'lavfi', '-i', white, '-frames:v', '5', ...size, '-pix_fmt', 'yuv444p', '-y', file]);
    const [picture] = await firstPictures(file, [{ format: 'jpeg' }]);
    const jpeg = join(folder, `white${width}.jpg`);
    writeFileSync(jpeg, picture?.data ?? '');
    const gray = await ffmpeg(['-i', jpeg, '-pix_fmt', 'gray', '-f', 'rawvideo', 'pipe:1']);
    expect(gray).toHaveLength(width * 240);
    expect(gray.reduce((least, value) => Math.min(least, value), 255)).toBeGreaterThanOrEqual(253);
  });
});
