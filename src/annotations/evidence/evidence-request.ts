import { ChrysError } from '../../base/errors.js';
import type { AnnotateRequest } from '../../gen/chrys/cloud/videostreaming/v1beta1/video_streaming.js';
import type { EvidenceRequest } from './evidence.js';

/** Whether any field about evidence is set. */
export function requestsEvidence(request: AnnotateRequest): boolean {
  const { evidenceBeforeMs, evidenceAfterMs, evidenceSnapshot, evidenceFrameId } = request;
  return evidenceBeforeMs !== 0 || evidenceAfterMs !== 0 || evidenceSnapshot || evidenceFrameId !== 0;
}

/**
 * The evidence that a request asks for. The caller has checked requestsEvidence. `maxMs` is annotation.evidence_max_ms.
 * Throws invalid_argument.
 */
export function evidenceRequest(request: AnnotateRequest, maxMs: number, nowMs: number): EvidenceRequest {
  const { deviceName, startTimestamp: atMs, evidenceSnapshot, evidenceFrameId } = request;
  const { evidenceBeforeMs: beforeMs, evidenceAfterMs: afterMs } = request;
  for (const [field, value] of [
    ['evidence_before_ms', beforeMs],
    ['evidence_after_ms', afterMs],
    ['evidence_frame_id', evidenceFrameId],
  ] as const) {
    if (value < 0) throw refused(`${field}: ${value} is not allowed; allowed are numbers of at least 0`);
  }
  if (beforeMs + afterMs > maxMs) {
    throw refused(
      `evidence_before_ms and evidence_after_ms: ${beforeMs} + ${afterMs} is more than annotation.evidence_max_ms ` +
        `allows, which is ${maxMs}`,
    );
  }
  if (evidenceFrameId > 0 && !evidenceSnapshot) {
    throw refused('evidence_frame_id names the frame of a snapshot: set evidence_snapshot, too, or leave it out');
  }
  if (atMs - nowMs > maxMs) {
    throw refused(
      `start_timestamp: ${atMs} is too far ahead for evidence; allowed is up to annotation.evidence_max_ms (${maxMs}) ` +
        `from now, which is ${nowMs}`,
    );
  }
  return {
    camera: deviceName,
    fromMs: Math.max(0, atMs - beforeMs),
    toMs: atMs + afterMs,
    clip: beforeMs + afterMs > 0,
    snapshot: evidenceSnapshot,
    atMs,
    frameId: evidenceFrameId,
  };
}

function refused(message: string): ChrysError {
  return new ChrysError('invalid_argument', `${message}.`);
}
