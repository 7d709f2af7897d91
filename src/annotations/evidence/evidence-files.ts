import { join } from 'node:path';

/** Matches the names of finished and unfinished files. */
const NAME = /^([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12})\.(?:mp4|jpg)(\.part)?$/;

export const EVIDENCE_FILES = {
  clip: { ending: 'mp4', contentType: 'video/mp4' },
  snapshot: { ending: 'jpg', contentType: 'image/jpeg' },
} as const;

export type EvidencePart = keyof typeof EVIDENCE_FILES;

export const EVIDENCE_PARTS = ['clip', 'snapshot'] as const satisfies readonly EvidencePart[];

export function evidenceFolder(dataDir: string): string {
  return join(dataDir, 'evidence');
}

/** `id` is the annotation's id. */
export function evidencePath(folder: string, id: string, part: EvidencePart): string {
  return join(folder, `${id}.${EVIDENCE_FILES[part].ending}`);
}

/** The path of a file while it is written. */
export function unfinishedPath(path: string): string {
  return `${path}.part`;
}

/** The annotation of a file; undefined: the file is not evidence. */
export function ownerOf(name: string): { readonly id: string; readonly isUnfinished: boolean } | undefined {
  const match = NAME.exec(name);
  return match?.[1] === undefined ? undefined : { id: match[1], isUnfinished: match[2] !== undefined };
}
