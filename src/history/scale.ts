import type { OutputFormat } from '../cameras/types.js';

interface Size {
  readonly width: number;
  readonly height: number;
}

/** One side of the scale for a frame: pixels, KEEP_ASPECT or KEEP_ASPECT_EVEN. */
type Side = (frame: Size) => number;

const MAX_SIDE = 16_384;
const KEEP_ASPECT = -1;
const KEEP_ASPECT_EVEN = -2;

/**
 * Parses `buffer.in_memory_scale`, which has the form "width:height" of FFmpeg's scale filter: `400:-1`, `400:300`,
 * `iw/2:ih*2`, `-1:-1`. The returned function computes the output size for a frame size. One side 0 = from the other side
 * and the aspect ratio; both 0 = unscaled. Throws for a text that the configuration's schema refuses.
 */
export function parseScale(text: string): (frame: Size) => Pick<OutputFormat, 'width' | 'height' | 'enlarge'> {
  const [width, height, more] = text.split(':').map(parseSide);
  if (width === undefined || height === undefined || more !== undefined) {
    throw new Error(`"${text}" is not a scale of the form width:height`);
  }
  return (frame) => {
    const requestedWidth = width(frame);
    const requestedHeight = height(frame);
    // A configured size that is larger than the picture is intended.
    return {
      width: resolve(requestedWidth, requestedHeight, frame.width, frame.height),
      height: resolve(requestedHeight, requestedWidth, frame.height, frame.width),
      enlarge: true,
    };
  };
}

/** The size of one side in pixels. `requested` and `requestedOther` are the results of both `Side`s. */
function resolve(requested: number, requestedOther: number, frameSide: number, frameOther: number): number {
  if (requested > 0) return Math.min(MAX_SIDE, Math.max(1, requested));
  if (requested !== KEEP_ASPECT_EVEN || frameOther === 0) return 0;
  const exact = requestedOther > 0 ? (requestedOther * frameSide) / frameOther : frameSide;
  return Math.max(2, 2 * Math.round(exact / 2));
}

function parseSide(text: string): Side {
  const match = /^(?:(?<keep>-[12])|(?<pixels>\d+)|(?<of>i[wh])(?:(?<operation>[*/])(?<factor>\d+))?)$/.exec(text);
  const { keep, pixels, of, operation, factor } = match?.groups ?? {};
  if (keep !== undefined) return () => (keep === '-1' ? KEEP_ASPECT : KEEP_ASPECT_EVEN);
  if (pixels !== undefined) return () => Number(pixels);
  if (of === undefined) throw new Error(`"${text}" is not a valid width or height of a scale`);
  const by = Number(factor ?? 1);
  return (frame) => {
    const side = of === 'iw' ? frame.width : frame.height;
    return Math.round(operation === '/' ? side / by : side * by);
  };
}
