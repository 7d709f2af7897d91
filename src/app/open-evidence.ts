import { evidenceFolder } from '../annotations/evidence/evidence-files.js';
import { EvidenceMaker, type EvidenceMakerParts } from '../annotations/evidence/evidence-maker.js';
import type { Config } from '../config/schema.js';
import type { NativeAddon } from '../native/types.js';

export interface EvidenceParts extends Pick<
  EvidenceMakerParts,
  'annotations' | 'pending' | 'cameras' | 'clock' | 'history' | 'logger' | 'recordings'
> {
  readonly addon: Pick<NativeAddon, 'frameIds' | 'segmentFrames'>;
  readonly dataDir: string;
}

/** Opens the evidence maker with the limits of the configuration. */
export function openEvidence({ annotation }: Config, { addon, dataDir, ...parts }: EvidenceParts): EvidenceMaker {
  return new EvidenceMaker({
    ...parts,
    folder: evidenceFolder(dataDir),
    maxMs: annotation.evidence_max_ms,
    maxBytes: annotation.evidence_max_bytes,
    frameIds: (...range) => addon.frameIds(...range),
    segmentFrames: (path) => addon.segmentFrames(path),
  });
}
