import { expect, it } from 'vitest';

import { configSchema } from '../../../src/config/schema.js';
import { parseScale } from '../../../src/history/scale.js';

const HD = { width: 1920, height: 1080 };

it.each([
  ['-1:-1', 0, 0],
  ['iw:ih', 1920, 1080],
  ['400:-1', 400, 0],
  ['-1:300', 0, 300],
  ['400:300', 400, 300],
  ['iw/2:ih/2', 960, 540],
  ['iw*2:-1', 3840, 0],
  ['ih:iw', 1080, 1920],
  ['-2:300', 534, 300],
  ['333:-2', 333, 188],
  ['-2:-2', 1920, 1080],
  ['99999:-1', 16_384, 0],
  ['iw/999:-1', 2, 0],
])('%s of a 1920x1080 frame is %dx%d', (text, width, height) => {
  expect(configSchema.parse({ buffer: { in_memory_scale: text } }).buffer.in_memory_scale).toBe(text);
  expect(parseScale(text)(HD)).toEqual({ width, height, enlarge: true });
});

it.each(['', '400', '400:', '400:300:200', 'big:small', 'iw+2:-1', '-3:-1'])('"%s" is not a scale', (text) => {
  expect(() => parseScale(text)).toThrow();
});

it('leaves a frame of unknown size as it is', () => {
  expect(parseScale('iw/2:ih/2')({ width: 0, height: 0 })).toEqual({ width: 0, height: 0, enlarge: true });
});
