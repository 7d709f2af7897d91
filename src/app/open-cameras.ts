import type { EvidenceMaker } from '../annotations/evidence/evidence-maker.js';
import { PendingEvidenceList } from '../annotations/evidence/pending-evidence-list.js';
import type { StoredAnnotations } from '../annotations/stored-annotations.js';
import { Supervisor } from '../cameras/supervisor.js';
import { allowedSchemes } from '../config/rules.js';
import type { SegmentLookup } from '../database/segment.js';
import { History } from '../history/history.js';
import type { CameraRecordings } from '../recording/recordings.js';
import type { Closers } from './closers.js';
import { openAnnotations } from './open-annotations.js';
import type { Base } from './open-base.js';
import { openEvidence } from './open-evidence.js';
import { openRecordings } from './open-recordings.js';

/** The cameras, and the parts that store their video and annotations. */
export interface CameraParts {
  readonly cameras: Supervisor;
  readonly annotations: StoredAnnotations;
  readonly recordings: CameraRecordings;
  readonly history: History;
  readonly evidence: EvidenceMaker;
}

/** Opens everything that holds video or annotations. No camera starts yet. Throws failed_precondition. */
export async function openCameras(base: Base, closers: Closers): Promise<CameraParts> {
  const { config, dataDir, store, addon, clock, logger, stopping } = base;
  const cameras = supervisorOf(base, () => recordings);
  closers.add(() => cameras.stopAll());

  // Opened before the recordings, whose retention must know which segments evidence still needs.
  const keys = store.settings.get();
  const annotations = await openAnnotations(config, { dataDir, clock, logger, keys, stopping: stopping.signal });
  closers.add(() => annotations.stop());
  const pending = await PendingEvidenceList.open(annotations);

  const protectedSpans = () => [...store.clips.protectedSpans(), ...pending.protectedSpans()];
  const recordings = openRecordings(config, { dataDir, cameras, addon, clock, logger, protectedSpans });
  // Closed before the cameras, so that their last packets are recorded.
  closers.add(async () => {
    if (!(await recordings.stop())) endProcessAtExit(base);
  });

  const history = new History(addon, { disk: recordings, maxPixels: config.camera.max_pixels });
  closers.add(() => history.close());

  const parts = { addon, dataDir, history, cameras, recordings, annotations, clock, logger, pending };
  const evidence = openEvidence(config, parts);
  closers.add(() => evidence.stop());
  return { cameras, annotations, recordings, history, evidence };
}

/** A thread that hangs would keep the process alive, so the exit ends the process without waiting for threads. */
export function endProcessAtExit({ addon }: Pick<Base, 'addon'>): void {
  process.once('exit', (code) => addon.endProcess(code));
}

function supervisorOf({ config, store, addon, clock, logger }: Base, segments: () => SegmentLookup): Supervisor {
  return new Supervisor({
    registry: store.cameras,
    addon,
    clock,
    logger,
    allowedSchemes: allowedSchemes(config),
    maxCameras: config.max_cameras,
    maxPixels: config.camera.max_pixels,
    packetRingSize: { minPackets: config.buffer.in_memory, maxBytes: config.buffer.in_memory_max_bytes },
    frameIds: store.frameIds,
    segments,
    logLevel: config.mode === 'debug' ? 'debug' : 'warn',
  });
}
