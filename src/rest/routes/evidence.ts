import type { Request, Response } from 'express';
import { EVIDENCE_FILES, evidencePath, type EvidencePart } from '../../annotations/evidence/evidence-files.js';
import type { ShownAnnotation } from '../../annotations/annotation.js';
import type { Annotations } from '../../annotations/types.js';
import { ChrysError } from '../../base/errors.js';
import type { Evidence } from '../../annotations/evidence/evidence.js';
import { sendRegularFile } from '../http/regular-file.js';
import type { EvidenceAnswer } from '../route-table/annotations.js';

export interface EvidenceParts {
  readonly annotations: Pick<Annotations, 'get'>;
  readonly evidenceFolder: string;
}

/** Sends the clip or the snapshot of an annotation. Throws not_found, and unavailable while it is being made. */
export async function sendEvidence(
  req: Request,
  res: Response,
  id: string,
  part: EvidencePart,
  { annotations, evidenceFolder }: EvidenceParts,
): Promise<void> {
  checkReady(await findAnnotation(id, annotations), part);
  const { ending, contentType } = EVIDENCE_FILES[part];
  await sendRegularFile(req, res, {
    path: evidencePath(evidenceFolder, id, part),
    contentType,
    name: `${id}.${ending}`,
    what: `${part} of annotation ${id}`,
    whenGone: 'Somebody has removed it from the folder "evidence" of the data directory.',
  });
}

/** Throws not_found. */
export async function findAnnotation(id: string, annotations: Pick<Annotations, 'get'>): Promise<ShownAnnotation> {
  const annotation = await annotations.get(id);
  if (annotation !== undefined) return annotation;
  const text = `There is no annotation ${id} (any more): delivered annotations are kept for annotation.keep.`;
  throw new ChrysError('not_found', text);
}

export function evidenceAnswer(evidence: Evidence): EvidenceAnswer {
  const { state, reason, clip, clipBytes, clipFromMs, clipToMs, fromMs, toMs } = evidence;
  const { snapshot, jpegBytes, jpegFrameId, jpegMs } = evidence;
  return {
    state,
    reason: reason === '' ? null : reason,
    wanted: { clip: clip ? { from: fromMs, to: toMs } : null, snapshot },
    clip: clipBytes > 0 ? { from: clipFromMs, to: clipToMs, bytes: clipBytes } : null,
    snapshot: jpegBytes > 0 ? { frame_id: jpegFrameId, timestamp: jpegMs, bytes: jpegBytes } : null,
  };
}

/** Throws not_found, and unavailable while it is being made. */
function checkReady({ id, evidence }: ShownAnnotation, part: EvidencePart): void {
  if (evidence?.[part] !== true) {
    throw new ChrysError('not_found', `No ${part} was requested with annotation ${id}.`);
  }
  if ((part === 'clip' ? evidence.clipBytes : evidence.jpegBytes) > 0) return;
  if (evidence.state === 'pending') {
    const text = `The ${part} of annotation ${id} is still being made; it needs frames up to ${evidence.toMs} (${new Date(evidence.toMs).toISOString()}). Try again in a moment.`;
    throw new ChrysError('unavailable', text);
  }
  throw new ChrysError('not_found', `There is no ${part} of annotation ${id}. ${evidence.reason}`);
}
