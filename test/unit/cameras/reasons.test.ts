import { describe, expect, it } from 'vitest';

import { REASONS, describeEnd } from '../../../src/cameras/reasons.js';
import type { CameraReason } from '../../../src/cameras/types.js';
import { CAPTURE_ENDS } from '../../../src/native/types.js';

const reasons: CameraReason[] = [...CAPTURE_ENDS.filter((end) => end !== 'stopped'), 'worker_crashed'];

describe('the message of a reason', () => {
  it('exists for every reason and for nothing else', () => {
    expect(Object.keys(REASONS).sort()).toEqual([...reasons].sort());
  });

  it.each(reasons)('for %s says what happened, the detail, and what to do, each as a sentence', (reason) => {
    const [what = '', advice = ''] = describeEnd(reason, 'the camera said so').split(' The camera said so. ');
    for (const sentence of [what, advice]) {
      expect(sentence).toMatch(/^[A-Z].{10,}[^.]\.$/);
    }
  });

  it('does not change a detail that is a sentence or begins with a name', () => {
    expect(describeEnd('refused', 'It said "no".')).toContain('. It said "no". Check');
    expect(describeEnd('not_found', '/a/b.mp4 is gone')).toContain('. /a/b.mp4 is gone. Check');
    expect(describeEnd('unknown_host', 'cam.local is not known')).toContain('. cam.local is not known. Check');
  });

  it('has no gap without a detail', () => {
    expect(describeEnd('refused', '')).toMatch(/^Nothing listens on that port of the camera\. Check/);
  });

  it('differs from reason to reason', () => {
    expect(new Set(reasons.map((reason) => describeEnd(reason, ''))).size).toBe(reasons.length);
  });
});
