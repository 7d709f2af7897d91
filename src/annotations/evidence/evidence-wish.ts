import { ChrysError } from '../../base/errors.js';
import type { AnnotateRequest } from '../../gen/chrys/cloud/videostreaming/v1beta1/video_streaming.js';
import type { EvidenceWish } from '../../database/evidence.js';

/**
 * What a request asks for as evidence; undefined: nothing. Throws invalid_argument. `maxMs` is annotation.evidence_max_ms.
 */
export function evidenceWish(request: AnnotateRequest, maxMs: number, nowMs: number): EvidenceWish | undefined {
  const { deviceName, startTimestamp: atMs, evidenceSnapshot, evidenceFrameId } = request;
  const { evidenceBeforeMs: beforeMs, evidenceAfterMs: afterMs } = request;
  for (const [field, value] of [
    ['evidence_before_ms', beforeMs],
    ['evidence_after_ms', afterMs],
    ['evidence_frame_id', evidenceFrameId],
  ] as const) {
    if (value < 0) throw refused(`${field}: ${value} is not allowed; allowed are numbers from 0 on`);
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
  const clip = beforeMs + afterMs > 0;
  if (!clip && !evidenceSnapshot) return undefined;
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
    clip,
    snapshot: evidenceSnapshot,
    atMs,
    frameId: evidenceFrameId,
  };
}

function refused(message: string): ChrysError {
  return new ChrysError('invalid_argument', `${message}.`);
}
