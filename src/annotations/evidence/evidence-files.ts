import { join } from 'node:path';

/** Of both its files and of those that are being written. */
const OURS = /^([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12})\.(?:mp4|jpg)(\.part)?$/;

export const EVIDENCE_FILES = {
  clip: { ending: 'mp4', contentType: 'video/mp4' },
  snapshot: { ending: 'jpg', contentType: 'image/jpeg' },
} as const;

export type EvidencePart = keyof typeof EVIDENCE_FILES;

export const EVIDENCE_PARTS = ['clip', 'snapshot'] as const satisfies readonly EvidencePart[];

export function evidenceFolder(dataDir: string): string {
  return join(dataDir, 'evidence');
}

/** `id` is that of the annotation. */
export function evidencePath(folder: string, id: string, part: EvidencePart): string {
  return join(folder, `${id}.${EVIDENCE_FILES[part].ending}`);
}

/** Where a file lies while it is written. */
export function unfinished(path: string): string {
  return `${path}.part`;
}

/** Whose file it is; undefined: not one of ours. */
export function ownerOf(name: string): { readonly id: string; readonly isUnfinished: boolean } | undefined {
  const match = OURS.exec(name);
  return match?.[1] === undefined ? undefined : { id: match[1], isUnfinished: match[2] !== undefined };
}
