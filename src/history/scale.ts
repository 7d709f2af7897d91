import type { OutputFormat } from '../cameras/types.js';

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Pixels, or what keeps the aspect: -1, and -2 for an even number. */
type Side = (frame: Size) => number;

const MAX_SIDE = 16_384;
const KEEP_ASPECT = -1;
const KEEP_ASPECT_EVEN = -2;

/**
 * Reads `buffer.in_memory_scale`, "width:height" as FFmpeg's scale filter has it: `400:-1`, `400:300`, `iw/2:ih*2`,
 * `-1:-1`. The result gives the size that a frame's picture shall have, 0 = as the other side and the aspect say, both
 * 0 = as it is. Throws for what the configuration's schema does not let through.
 */
export function parseScale(text: string): (frame: Size) => Pick<OutputFormat, 'width' | 'height' | 'enlarge'> {
  const [width, height, more] = text.split(':').map(parseSide);
  if (width === undefined || height === undefined || more !== undefined) {
    throw new Error(`"${text}" is no scale of the form width:height`);
  }
  return (frame) => {
    const wide = width(frame);
    const high = height(frame);
    // An operator who writes a larger size means it.
    return {
      width: resolve(wide, high, frame.width, frame.height),
      height: resolve(high, wide, frame.height, frame.width),
      enlarge: true,
    };
  };
}

/** `own` and `other` are sides as asked for, the rest those of the frame. */
function resolve(own: number, other: number, ownOfFrame: number, otherOfFrame: number): number {
  if (own > 0) return Math.min(MAX_SIDE, Math.max(1, own));
  if (own !== KEEP_ASPECT_EVEN || otherOfFrame === 0) return 0;
  const exact = other > 0 ? (other * ownOfFrame) / otherOfFrame : ownOfFrame;
  return Math.max(2, 2 * Math.round(exact / 2));
}

function parseSide(text: string): Side {
  const match = /^(?:(?<keep>-[12])|(?<pixels>\d+)|(?<of>i[wh])(?:(?<operation>[*/])(?<factor>\d+))?)$/.exec(text);
  const { keep, pixels, of, operation, factor } = match?.groups ?? {};
  if (keep !== undefined) return () => (keep === '-1' ? KEEP_ASPECT : KEEP_ASPECT_EVEN);
  if (pixels !== undefined) return () => Number(pixels);
  if (of === undefined) throw new Error(`"${text}" is no side of a scale`);
  const by = Number(factor ?? 1);
  return (frame) => {
    const side = of === 'iw' ? frame.width : frame.height;
    return Math.round(operation === '/' ? side / by : side * by);
  };
}
