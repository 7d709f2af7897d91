import { ChrysError } from '../base/errors.js';
import { Limiter } from '../base/limiter.js';
import { beamcoder, type BeamEncoder, type BeamFilterer, type BeamFrame } from './beamcoder.js';

export interface JpegOptions {
  /** Blue, green, red; `height * width * 3` bytes without padding. Must not change until the promise settles. */
  readonly bgr24: Uint8Array;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** Width of the JPEG in pixels; the aspect ratio is kept. At most `width`, which is the default. */
  readonly outWidth?: number;
  /** 1 (smallest file) to 100 (best picture). Default 90. */
  readonly quality?: number;
}

const DEFAULT_QUALITY = 90;
const limiter = new Limiter('snapshots', 2, 32);

/** Encodes one picture on libuv's thread pool. Throws invalid_argument, and resource_exhausted when too many calls wait. */
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
      throw new ChrysError('internal', `The JPEG encoder returned no data for a picture of ${width}x${height}.`);
    }
    giveBack(pipeline);
    // The data is copied, because otherwise libav's memory would stay allocated until the next garbage collection.
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

/** Unused pipelines, the least recently used first. They are kept because opening one takes as long as encoding a picture. */
const idle: Pipeline[] = [];
const MAX_IDLE = 4;

async function takePipeline(shape: Shape): Promise<Pipeline> {
  const key = JSON.stringify(shape);
  const index = idle.findLastIndex((pipeline) => pipeline.key === key);
  const [kept] = index < 0 ? [] : idle.splice(index, 1);
  return kept ?? { key, filterer: await makeFilterer(shape), encoder: makeEncoder(shape) };
}

/** Keeps a pipeline for the next call. A pipeline that failed must not be kept. */
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

/**
 * JFIF requires BT.601 with the full range, whatever the stream has. The pixel format is yuv420p with that range and not
 * yuvj420p, because libav logs a warning for the latter.
 */
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

/** Number of pictures so far, used as pts: an encoder refuses a picture whose pts does not grow. */
let pictures = 0;

/** swscale reads past the end of a line. So each line gets padding, which begins with a copy of the last pixel. */
function frameOf(bgr24: Uint8Array, width: number, height: number): BeamFrame {
  const rowBytes = width * 3;
  const lineBytes = Math.ceil((rowBytes + 64) / 64) * 64;
  const frame = beamcoder()
    .frame({ width, height, format: 'bgr24', linesize: [lineBytes], pts: (pictures += 1) })
    .alloc();
  const plane = frame.data[0];
  if (plane === undefined) {
    throw new ChrysError('internal', `There is no memory for a picture of ${width}x${height}.`);
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
