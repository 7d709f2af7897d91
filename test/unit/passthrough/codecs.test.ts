import { describe, expect, it } from 'vitest';

import { whyAudioIsNotCarried, whyNotCarried } from '../../../src/passthrough/codecs.js';

describe('what RTMP carries', () => {
  it('is H.264 with AAC', () => {
    expect(whyNotCarried('h264')).toBeUndefined();
    expect(whyAudioIsNotCarried('aac')).toBeUndefined();
  });

  it('names other codecs', () => {
    expect(whyNotCarried('hevc')).toContain('HEVC');
    expect(whyAudioIsNotCarried('opus')).toBe('Audio is not passed on: RTMP carries AAC, and not opus.');
  });
});
