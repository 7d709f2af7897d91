import { ChrysError } from '../base/errors.js';
import { Limiter } from '../base/limiter.js';
import { beamcoder, type BeamEncoder, type BeamFilterer, type BeamFrame } from './beamcoder.js';

export interface JpegOptions {
  /** Blue, green, red; rows without gaps: `height * width * 3` bytes. Must not change until the promise settles. */
  readonly bgr24: Uint8Array;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** Pixels; the height follows, so that the aspect stays. Never more than `width`. */
  readonly outWidth?: number;
  /** 1 (small) to 100 (good). */
  readonly quality?: number;
}

const DEFAULT_QUALITY = 90;
const limiter = new Limiter('snapshots', 2, 32);

/** Encodes one picture on libuv's thread pool. Throws invalid_argument, resource_exhausted when too many wait. */
export function encodeJpeg(options: JpegOptions): Promise<Buffer> {
  const { bgr24, width, height } = options;
  if (!isSize(width) || !isSize(height) || bgr24.byteLength !== width * height * 3) {
    const text = `A BGR24 picture of ${width}x${height} does not have ${bgr24.byteLength} bytes.`;
    return Promise.reject(new ChrysError('invalid_argument', text));
  }
  return limiter.run(async () => {
    const pipeline = await takePipeline(shapeOf(options));
    const [scaled] = (await pipeline.filterer.filter([frameOf(bgr24, width, height)]))[0]?.frames ?? [];
    const packet = scaled && (await pipeline.encoder.encode(scaled)).packets[0];
    if (packet === undefined) {
      throw new ChrysError('internal', `The JPEG encoder made nothing of a picture of ${width}x${height}.`);
    }
    giveBack(pipeline);
    // A copy, because the packet's memory is libav's and lives until the next garbage collection otherwise.
    return Buffer.from(packet.data.subarray(0, packet.size));
  });
}

interface Shape {
  readonly width: number;
  readonly height: number;
  readonly outWidth: number;
  readonly outHeight: number;
  readonly quality: number;
}

interface Pipeline {
  readonly key: string;
  readonly filterer: BeamFilterer;
  readonly encoder: BeamEncoder;
}

/** Contexts that nobody uses at the moment, the least recently used first. Opening them costs as much as a picture. */
const idle: Pipeline[] = [];
const MAX_IDLE = 4;

async function takePipeline(shape: Shape): Promise<Pipeline> {
  const key = JSON.stringify(shape);
  const index = idle.findLastIndex((pipeline) => pipeline.key === key);
  const [kept] = index < 0 ? [] : idle.splice(index, 1);
  return kept ?? { key, filterer: await makeFilterer(shape), encoder: makeEncoder(shape) };
}

/** Only a pipeline that worked comes back; one that failed is left to the garbage collector. */
function giveBack(pipeline: Pipeline): void {
  idle.push(pipeline);
  if (idle.length > MAX_IDLE) {
    idle.shift();
  }
}

function shapeOf({ width, height, outWidth = width, quality = DEFAULT_QUALITY }: JpegOptions): Shape {
  const scaledWidth = Math.min(Math.max(1, Math.round(outWidth)), width);
  const scaledHeight = Math.max(1, Math.round((height * scaledWidth) / width));
  return { width, height, outWidth: scaledWidth, outHeight: scaledHeight, quality };
}

/** JFIF wants BT.601 with the full range, whatever the stream had; the plain yuv420p with that range is asked for, because libav logs a warning for yuvj420p. */
function makeFilterer(shape: Shape): Promise<BeamFilterer> {
  return beamcoder().filterer({
    filterType: 'video',
    inputParams: [
      { width: shape.width, height: shape.height, pixelFormat: 'bgr24', timeBase: [1, 1000], pixelAspect: [1, 1] },
    ],
    outputParams: [{ pixelFormat: 'yuv420p' }],
    filterSpec:
      `scale=${shape.outWidth}:${shape.outHeight}:flags=area+accurate_rnd+full_chroma_int` +
      ':out_range=full:out_color_matrix=bt601',
  });
}

function makeEncoder(shape: Shape): BeamEncoder {
  // libav's scale for JPEG: 2 is best, 31 worst.
  const scale = Math.round(2 + ((100 - Math.min(100, Math.max(1, shape.quality))) * 29) / 99);
  return beamcoder().encoder({
    name: 'mjpeg',
    width: shape.outWidth,
    height: shape.outHeight,
    pix_fmt: 'yuv420p',
    color_range: 'pc',
    time_base: [1, 1000],
    qmin: scale,
    qmax: scale,
    thread_count: 1,
  });
}

/** An encoder refuses a picture whose time is not later than that of the one before. */
let pictures = 0;

/** swscale reads past the last pixel of a line, so lines get room at their end, and that pixel again. */
function frameOf(bgr24: Uint8Array, width: number, height: number): BeamFrame {
  const rowBytes = width * 3;
  const lineBytes = Math.ceil((rowBytes + 64) / 64) * 64;
  const frame = beamcoder()
    .frame({ width, height, format: 'bgr24', linesize: [lineBytes], pts: (pictures += 1) })
    .alloc();
  const plane = frame.data[0];
  if (plane === undefined) {
    throw new ChrysError('internal', `No memory for a picture of ${width}x${height}.`);
  }
  for (let row = 0; row < height; row += 1) {
    const line = bgr24.subarray(row * rowBytes, (row + 1) * rowBytes);
    plane.set(line, row * lineBytes);
    plane.set(line.subarray(-3), row * lineBytes + rowBytes);
  }
  return frame;
}

function isSize(pixels: number): boolean {
  return Number.isInteger(pixels) && pixels >= 1 && pixels <= 16_384;
}
