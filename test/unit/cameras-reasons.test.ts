import { describe, expect, it } from 'vitest';

import { REASONS, describeEnd } from '../../src/cameras/reasons.js';
import type { CameraReason } from '../../src/cameras/types.js';
import { CAPTURE_ENDS } from '../../src/native/types.js';

const reasons: CameraReason[] = [...CAPTURE_ENDS.filter((end) => end !== 'stopped'), 'worker_crashed'];

describe('the sentence for a person', () => {
  it('exists for every reason and for nothing else', () => {
    expect(Object.keys(REASONS).sort()).toEqual([...reasons].sort());
  });

  it.each(reasons)('for %s says what happened, with the detail, and what to do', (reason) => {
    const sentence = describeEnd(reason, 'libav said so');
    const [what = '', advice = ''] = sentence.split(' (libav said so): ');
    expect(what.length).toBeGreaterThan(10);
    expect(advice.length).toBeGreaterThan(10);
  });

  it('has no empty brackets without a detail', () => {
    expect(describeEnd('refused', '')).not.toContain('(');
  });

  it('differs from reason to reason', () => {
    expect(new Set(reasons.map((reason) => describeEnd(reason, ''))).size).toBe(reasons.length);
  });
});
