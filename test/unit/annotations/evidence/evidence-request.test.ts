import { describe, expect, it } from 'vitest';
import { requestsEvidence, evidenceRequest } from '../../../../src/annotations/evidence/evidence-request.js';
import type { EvidenceRequest } from '../../../../src/annotations/evidence/evidence.js';
import { MAX_PENDING, PendingEvidenceList } from '../../../../src/annotations/evidence/pending-evidence-list.js';
import { annotateRequest, STORED_MS } from '../fixture.js';
import { REQUEST } from './fixture.js';

describe('a request for evidence', () => {
  const requested = (fields: object, nowMs = STORED_MS): EvidenceRequest =>
    evidenceRequest(annotateRequest(fields), 60_000, nowMs);

  it('has the range of the clip and the frame of the snapshot', () => {
    expect(requestsEvidence(annotateRequest())).toBe(false);
    expect(requestsEvidence(annotateRequest({ evidenceAfterMs: 1 }))).toBe(true);
    expect(
      requested({ evidenceBeforeMs: 1000, evidenceAfterMs: 2000, evidenceSnapshot: true, evidenceFrameId: 7 }),
    ).toEqual(REQUEST);
    const snapshot = { clip: false, snapshot: true, fromMs: STORED_MS, toMs: STORED_MS, frameId: 0 };
    expect(requested({ evidenceSnapshot: true })).toMatchObject(snapshot);
  });

  it.each([
    [{ evidenceBeforeMs: -1 }, 'evidence_before_ms: -1 is not allowed'],
    [{ evidenceAfterMs: -5 }, 'evidence_after_ms: -5 is not allowed'],
    [{ evidenceBeforeMs: 60_000, evidenceAfterMs: 1 }, '60000 + 1 is more than annotation.evidence_max_ms'],
    [{ evidenceFrameId: 3, evidenceAfterMs: 1 }, 'set evidence_snapshot'],
    [{ evidenceSnapshot: true, startTimestamp: STORED_MS + 60_001 }, 'too far ahead'],
  ])('of %o is refused', (fields, text) => {
    expect(() => requested(fields)).toThrow(expect.objectContaining({ kind: 'invalid_argument' }) as Error);
    expect(() => requested(fields)).toThrow(text);
  });

  it('protects its recordings at once, up to the maximum number of pending requests', () => {
    const list = new PendingEvidenceList();
    const unprotect = list.protect(REQUEST);
    const span = { camera: 'yard', fromUs: REQUEST.fromMs * 1000, toUs: REQUEST.toMs * 1000 + 999 };
    expect(list.protectedSpans()).toEqual([span]);
    expect(list.add({ id: '1', ...REQUEST, jpegBytes: 0, jpegFrameId: 0, jpegMs: 0 })).toBe(true);
    expect(list.add({ id: '1', ...REQUEST, jpegBytes: 0, jpegFrameId: 0, jpegMs: 0 })).toBe(false);
    unprotect();
    expect(list.protectedSpans()).toEqual([span]);
    list.remove('1');
    expect(list.protectedSpans()).toEqual([]);
    for (let count = 0; count < MAX_PENDING; count += 1) list.protect({ ...REQUEST });
    expect(() => list.protect({ ...REQUEST })).toThrow(
      expect.objectContaining({ kind: 'resource_exhausted' }) as Error,
    );
  });
});
