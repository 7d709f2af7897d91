import { describe, expect, it } from 'vitest';
import { annotateCalls } from '../../../src/annotations/annotate.js';
import { annotationJson } from '../../../src/annotations/annotation-json.js';
import { checkRequest } from '../../../src/annotations/check-request.js';
import { annotateRequest, STORED_MS } from './fixture.js';

describe('the JSON of an annotation', () => {
  it('has the proto names of the fields, and no empty fields', () => {
    expect(annotationJson('i', annotateRequest())).toBe(
      `{"id":"i","device_name":"yard","type":"moving","start_timestamp":${STORED_MS}}`,
    );
  });

  it('spells the keyframe flag as the cloud does, and has the mask as a list of {x,y,z}', () => {
    const request = annotateRequest({ isKeyframe: true, mask: [{ x: 1, y: 0, z: 2.5 }], objectSignature: [0, 0.5] });
    expect(JSON.parse(annotationJson('i', request))).toMatchObject({
      is_keyrame: true,
      mask: [{ x: 1, y: 0, z: 2.5 }],
      object_signature: [0, 0.5],
    });
    expect(annotationJson('i', request)).not.toContain('is_keyframe');
  });

  it('keeps zeros inside a box, location or coordinate', () => {
    const request = annotateRequest({
      objectBoudingBox: { top: 0, left: 1, width: 2, height: 3 },
      location: { lat: 0, lon: 0 },
    });
    expect(JSON.parse(annotationJson('i', request))).toMatchObject({
      object_bouding_box: { top: 0, left: 1, width: 2, height: 3 },
      location: { lat: 0, lon: 0 },
    });
  });
});

describe('a request', () => {
  const WEEK_MS = 7 * 86_400_000;
  it.each([0, WEEK_MS, -WEEK_MS])('that starts %d ms from now is accepted', (offsetMs) => {
    checkRequest(annotateRequest({ startTimestamp: STORED_MS + offsetMs }), STORED_MS);
  });

  it.each([
    [{ deviceName: '' }, /device_name/],
    [{ type: '' }, /type/],
    [{ startTimestamp: STORED_MS + WEEK_MS + 1 }, /start_timestamp/],
    [{ startTimestamp: STORED_MS - WEEK_MS - 1 }, /start_timestamp/],
    [{ startTimestamp: 0 }, /start_timestamp/],
    [{ mask: [{ x: 1, y: Infinity, z: 0 }] }, /mask/],
    [{ objectSignature: [1, NaN] }, /object_signature/],
    [{ location: { lat: NaN, lon: 1 } }, /location/],
  ])('with %j is refused', (changes, message) => {
    expect(() => {
      checkRequest(annotateRequest(changes), STORED_MS);
    }).toThrow(expect.objectContaining({ kind: 'invalid_argument', message: expect.stringMatching(message) }));
  });

  it('goes through the evidence code only when it requests evidence', async () => {
    const { annotate } = annotateCalls({
      annotations: { annotate: () => Promise.resolve('stored') },
      evidence: { annotate: () => Promise.resolve('stored with evidence') },
    });
    const call = { isGone: () => false };
    expect(await annotate(annotateRequest(), call)).toBe('stored');
    for (const fields of [
      { evidenceSnapshot: true },
      { evidenceBeforeMs: 1 },
      { evidenceAfterMs: -1 },
      { evidenceFrameId: 1 },
    ]) {
      expect(await annotate(annotateRequest(fields), call)).toBe('stored with evidence');
    }
  });
});
