import { describe, expect, it } from 'vitest';
import { AnnotationIds } from '../../../src/annotations/annotation-id.js';
import { annotationJson } from '../../../src/annotations/annotation-json.js';
import { batchBody, batchId } from '../../../src/annotations/batch-body.js';
import { checkRequest } from '../../../src/annotations/check-request.js';
import { retryDelayMs } from '../../../src/cloud/retry-delay.js';
import { signedHeaders } from '../../../src/cloud/signature.js';
import { annotateRequest, STORED_MS } from './fixture.js';

const UUID_7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('the id of an annotation', () => {
  it('is a UUID of version 7 that begins with the time', () => {
    const id = new AnnotationIds(() => 0x0190aabbccdd).next();
    expect(id).toMatch(UUID_7);
    expect(id).toMatch(/^0190aabb-ccdd-7000-/);
  });

  it('sorts behind the one before it, also of one millisecond and when the clock is set back', () => {
    let nowMs = STORED_MS;
    const ids = new AnnotationIds(() => nowMs);
    const given = Array.from({ length: 10_000 }, (_, number) => {
      if (number === 5000) nowMs -= 3_600_000;
      return ids.next();
    });
    expect(given).toEqual([...given].sort());
    expect(new Set(given).size).toBe(given.length);
    expect(given.every((id) => UUID_7.test(id))).toBe(true);
  });
});

describe('the JSON of an annotation', () => {
  it('has the names of the wire, and nothing that is empty', () => {
    expect(annotationJson('i', annotateRequest())).toBe(
      `{"id":"i","device_name":"yard","type":"moving","start_timestamp":${STORED_MS}}`,
    );
  });

  it('spells the keyframe flag as the cloud does, and the mask as a list of {x,y,z}', () => {
    const request = annotateRequest({ isKeyframe: true, mask: [{ x: 1, y: 0, z: 2.5 }], objectSignature: [0, 0.5] });
    expect(JSON.parse(annotationJson('i', request))).toMatchObject({
      is_keyrame: true,
      mask: [{ x: 1, y: 0, z: 2.5 }],
      object_signature: [0, 0.5],
    });
    expect(annotationJson('i', request)).not.toContain('is_keyframe');
  });

  it('leaves whole what is in a box, a place or a coordinate', () => {
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

describe('a batch', () => {
  const two = [
    { id: 'a', json: '{"id":"a"}' },
    { id: 'b', json: '{"id":"b"}' },
  ];

  it('is its annotations under "data"', () => {
    expect(batchBody(two).toString()).toBe('{"data":[{"id":"a"},{"id":"b"}]}');
    expect(batchBody([]).toString()).toBe('{"data":[]}');
  });

  it('has an id of its ids', () => {
    // printf 'a\nb' | openssl sha256
    expect(batchId(two)).toBe('7e18f737311b2dc3b2f269dd78396b0351f14fb66efa879f768cb23181883c78');
  });
});

describe('the signature', () => {
  // Made with `openssl md5` and `openssl dgst -sha256 -hmac`, and the same with Python's hashlib and hmac.
  it.each([
    [
      '{"data":[]}',
      'e0234245cb00aa260ccfa99a9a0b235e',
      '586f0e6771163d2b600f5140f68b7174c09af8ffaac3652e833314447f658f8c',
    ],
    [
      '{"data":[{"id":"a","device_name":"Dvorišče","type":"moving"}]}',
      '47ef54010541e76d095afc73005b7e1e',
      'fe8d5c3ac178571a4f23b8beb263485dbbeb3ad33db86e2fb2412c20b125312e',
    ],
  ])('of %s is as others compute it', (body, md5, mac) => {
    const keys = { edgeKey: 'edge', edgeSecret: 'geheim ß' };
    expect(signedHeaders(Buffer.from(body), keys, 1_767_323_045_123)).toEqual({
      'X-ChrysEdge-Auth': `edge:${mac}`,
      'X-Chrys-Date': '1767323045123',
      'Content-MD5': md5,
    });
  });
});

describe('a request', () => {
  const WEEK_MS = 7 * 86_400_000;
  it.each([0, WEEK_MS, -WEEK_MS])('that starts %d ms from now is taken', (offsetMs) => {
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
});

it('failures wait longer and longer, up to a minute', () => {
  const delays = [1, 2, 3, 4, 5, 6, 7, 8, 1000].map((failures) => retryDelayMs(failures, () => 0.5));
  expect(delays).toEqual([500, 1000, 2000, 5000, 10_000, 30_000, 60_000, 60_000, 60_000]);
  expect([retryDelayMs(2, () => 0), retryDelayMs(2, () => 1)]).toEqual([800, 1200]);
});
