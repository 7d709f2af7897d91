import { Router, type Request } from 'express';
import {
  EVIDENCE_FILES,
  EVIDENCE_PARTS,
  evidencePath,
  type EvidencePart,
} from '../../annotations/evidence/evidence-files.js';
import type { ShownAnnotation } from '../../annotations/annotation.js';
import type { Annotations } from '../../annotations/types.js';
import { ChrysError } from '../../base/errors.js';
import type { Evidence } from '../../annotations/evidence/evidence.js';
import { onlyMethods } from '../http/answers.js';
import { sendPlainFile } from '../http/plain-file.js';

export interface EvidenceParts {
  readonly annotations: Pick<Annotations, 'get'>;
  readonly evidenceFolder: string;
}

const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The files of evidence, by the ids of their annotations. `base` is where the interface begins. */
export function evidenceRoutes(base: string, { annotations, evidenceFolder }: EvidenceParts): Router {
  const router = Router({ caseSensitive: true });
  for (const part of EVIDENCE_PARTS) {
    const { ending, contentType } = EVIDENCE_FILES[part];
    router
      .route(`${base}/annotations/:id/${part}.${ending}`)
      .get(async (req, res) => {
        const annotation = await annotationOf(req, annotations);
        checkThere(annotation, part);
        await sendPlainFile(req, res, {
          path: evidencePath(evidenceFolder, annotation.id, part),
          contentType,
          name: `${annotation.id}.${ending}`,
          what: `${part} of annotation ${annotation.id}`,
          whenGone: 'Somebody has removed it from the folder "evidence" of the data directory.',
        });
      })
      .all(onlyMethods('GET'));
  }
  return router;
}

/** The annotation that a path names. Throws invalid_argument, not_found. */
export async function annotationOf(
  { params }: Request<{ id: string }>,
  annotations: Pick<Annotations, 'get'>,
): Promise<ShownAnnotation> {
  if (!ID.test(params.id)) {
    const shown = JSON.stringify(params.id).slice(0, 40);
    const text = `id: ${shown} is not allowed; allowed is a UUID in small letters, as AnnotateResponse.id and the list have it.`;
    throw new ChrysError('invalid_argument', text);
  }
  const annotation = await annotations.get(params.id);
  if (annotation !== undefined) return annotation;
  const text = `There is no annotation ${params.id} (any more): delivered ones are kept for annotation.keep.`;
  throw new ChrysError('not_found', text);
}

/** Times are milliseconds since the epoch; null = there is none. */
export function evidenceAnswer(evidence: Evidence) {
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

/** Throws not_found, or unavailable while it is made. */
function checkThere({ id, evidence }: ShownAnnotation, part: EvidencePart): void {
  if (evidence?.[part] !== true) {
    throw new ChrysError('not_found', `No ${part} was asked for with annotation ${id}.`);
  }
  if ((part === 'clip' ? evidence.clipBytes : evidence.jpegBytes) > 0) return;
  if (evidence.state === 'pending') {
    const text = `The ${part} of annotation ${id} is still being made; it needs frames up to ${evidence.toMs} (${new Date(evidence.toMs).toISOString()}). Try again in a moment.`;
    throw new ChrysError('unavailable', text);
  }
  throw new ChrysError('not_found', `There is no ${part} of annotation ${id}. ${evidence.reason}`);
}
