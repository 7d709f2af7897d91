import { describe, expect, it } from 'vitest';

import { whyAudioIsNotCarried, whyNotCarried } from '../../../src/passthrough/codecs.js';

describe('the codecs that RTMP carries', () => {
  it('are H.264 and AAC', () => {
    expect(whyNotCarried('h264')).toBeUndefined();
    expect(whyAudioIsNotCarried('aac')).toBeUndefined();
  });

  it('do not include others, which are named', () => {
    expect(whyNotCarried('hevc')).toContain('HEVC');
    expect(whyAudioIsNotCarried('opus')).toBe('Audio is not sent: RTMP carries AAC, but not opus.');
  });
});
