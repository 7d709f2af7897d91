/** The segments that a proxy recorded, and their contents according to FFmpeg. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readBarcode } from './barcode.js';
import { decodeBgr } from './ffmpeg.js';

const run = promisify(execFile);
const NAME = /^(\d+)_(\d+)\.mp4$/;

export interface SegmentFile {
  readonly name: string;
  readonly path: string;
  readonly startMs: number;
  readonly durationMs: number;
}

/** The segments in the folder of a camera, oldest first. */
export function segmentsIn(folder: string): SegmentFile[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .flatMap((name) => {
      const match = NAME.exec(name);
      if (match === null) return [];
      return [{ name, path: join(folder, name), startMs: Number(match[1]), durationMs: Number(match[2]) }];
    })
    .sort((one, other) => one.startMs - other.startMs);
}

export interface Probed {
  /** Warnings of ffprobe. */
  readonly complaints: string;
  readonly startSeconds: number;
  readonly durationSeconds: number;
  readonly codec: string;
  readonly width: number;
  readonly height: number;
  readonly packets: number;
  /** Decoding times of the packets in the order of the file, seconds. */
  readonly dts: readonly number[];
  readonly firstIsKeyframe: boolean;
}

export async function probed(path: string): Promise<Probed> {
  const { stdout, stderr } = await run('ffprobe', [
    ...['-v', 'warning', '-of', 'json', '-show_format', '-show_streams', '-show_packets'],
    path,
  ]);
  const { format, streams, packets } = JSON.parse(stdout) as {
    format: { start_time: string; duration: string };
    streams: { codec_name: string; width: number; height: number }[];
    packets: { dts_time: string; flags: string }[];
  };
  const [video] = streams;
  return {
    complaints: stderr,
    startSeconds: Number(format.start_time),
    durationSeconds: Number(format.duration),
    codec: video?.codec_name ?? '',
    width: video?.width ?? 0,
    height: video?.height ?? 0,
    packets: packets.length,
    dts: packets.map(({ dts_time }) => Number(dts_time)),
    firstIsKeyframe: packets[0]?.flags.startsWith('K') ?? false,
  };
}

/** The number that each picture of the file shows, decoded by FFmpeg. */
export async function numbersIn(path: string, width: number, height: number): Promise<(number | 'torn')[]> {
  const pictures = await decodeBgr(path, width, height, 10_000);
  return pictures.map((picture) => readBarcode(picture, width, height));
}
