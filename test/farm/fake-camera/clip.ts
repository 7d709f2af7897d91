/** The clips of make_clips.py as the units that a camera sends. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { makeClip } from '../clips.js';

const FOLDER = fileURLToPath(new URL('../../.cache/clips/', import.meta.url));
const H264_AUD = 9;
const HEVC_AUD = 35;

export interface Unit {
  /** NAL units without start codes and access unit delimiters. JPEG: one entry, the file. */
  readonly nals: readonly Buffer[];
  /** The number that the picture shows. */
  readonly number: number;
  readonly keyframe: boolean;
}

export interface Clip {
  readonly codec: 'h264' | 'hevc' | 'mjpeg';
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  /** In decoding order. */
  readonly units: readonly Unit[];
  /** VPS (HEVC only), SPS and PPS. */
  readonly sets: readonly Buffer[];
  /** Maximum number of pictures by which decoding order is ahead of output order. */
  readonly reorder: number;
}

const loaded = new Map<string, Clip>();

/** Makes the clip unless it exists, and reads it. */
export function loadClip(name: string): Clip {
  const known = loaded.get(name);
  if (known !== undefined) return known;
  makeClip(name);
  const about = JSON.parse(readFileSync(`${FOLDER}${name}.json`, 'utf8')) as {
    readonly codec: Clip['codec'];
    readonly width: number;
    readonly height: number;
    readonly fps: number;
    readonly units: readonly (readonly [number, number, number, number])[];
  };
  const { codec, width, height, fps } = about;
  const stream = readFileSync(`${FOLDER}${name}.es`);
  const units = about.units.map(([offset, size, number, keyframe]) => {
    const bytes = stream.subarray(offset, offset + size);
    const nals = codec === 'mjpeg' ? [bytes] : splitNals(bytes).filter((nal) => !isDelimiter(codec, nal));
    return { nals, number, keyframe: keyframe === 1 };
  });
  const setTypes = codec === 'mjpeg' ? [] : codec === 'h264' ? [7, 8] : [32, 33, 34];
  const first = units.flatMap(({ nals }) => nals);
  const sets = setTypes.map((type) => {
    const found = first.find((nal) => nalType(codec, nal) === type);
    if (found === undefined) throw new Error(`${name} has no NAL unit of type ${type}`);
    return found;
  });
  const reorder = Math.max(...units.map(({ number }, at) => at - number));
  const clip = { codec, width, height, fps, units, sets, reorder };
  loaded.set(name, clip);
  return clip;
}

export function nalType(codec: Clip['codec'], nal: Buffer): number {
  const first = nal[0] ?? 0;
  return codec === 'hevc' ? (first >> 1) & 63 : first & 31;
}

export function isSlice(codec: Clip['codec'], nal: Buffer): boolean {
  const type = nalType(codec, nal);
  return codec === 'hevc' ? type < 32 : type === 1 || type === 5;
}

export function isParameterSet(codec: Clip['codec'], nal: Buffer): boolean {
  const type = nalType(codec, nal);
  return codec === 'hevc' ? type >= 32 && type <= 34 : type === 7 || type === 8;
}

export function delimiter(codec: Clip['codec']): Buffer {
  return codec === 'hevc' ? Buffer.from([HEVC_AUD << 1, 1, 0x50]) : Buffer.from([H264_AUD, 0xf0]);
}

/** An SEI NAL unit with a message of user data. */
export function seiNal(codec: Clip['codec'], number: number, bytes = 40): Buffer {
  const payload = Buffer.alloc(bytes, 0x78);
  payload.write('chrysproxy-tests', 'latin1');
  payload.write(String(number).padStart(8, '0'), 16, 'latin1');
  const header = codec === 'hevc' ? [39 << 1, 1] : [6];
  return Buffer.concat([Buffer.from([...header, 5, bytes]), payload, Buffer.from([0x80])]);
}

function isDelimiter(codec: Clip['codec'], nal: Buffer): boolean {
  return nalType(codec, nal) === (codec === 'hevc' ? HEVC_AUD : H264_AUD);
}

function splitNals(bytes: Buffer): Buffer[] {
  const nals: Buffer[] = [];
  let start = -1;
  for (let at = bytes.indexOf('\0\0\x01', 0, 'latin1'); at >= 0; at = bytes.indexOf('\0\0\x01', at + 3, 'latin1')) {
    if (start >= 0) nals.push(withoutTrailingZeros(bytes.subarray(start, at)));
    start = at + 3;
  }
  if (start >= 0) nals.push(withoutTrailingZeros(bytes.subarray(start)));
  return nals;
}

function withoutTrailingZeros(nal: Buffer): Buffer {
  let end = nal.length;
  while (end > 0 && nal[end - 1] === 0) end -= 1;
  return nal.subarray(0, end);
}
