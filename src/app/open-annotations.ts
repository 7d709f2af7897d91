import { ANNOTATION_NAMES } from '../annotations/annotation-names.js';
import type { AnnotationData } from '../annotations/messages.js';
import { StoredAnnotations, type StoredAnnotationsOptions } from '../annotations/stored-annotations.js';
import { parseDurationMs } from '../base/duration.js';
import type { EdgeKeys } from '../cloud/signature.js';
import type { Config } from '../config/schema.js';
import type { SharedQueueOptions } from '../outbox/types.js';

export interface AnnotationParts extends Pick<StoredAnnotationsOptions, 'logger' | 'clock' | 'stopping'> {
  readonly dataDir: string;
  readonly keys: EdgeKeys;
}

/** Opens the annotations with the settings of the configuration. Throws failed_precondition. */
export async function openAnnotations(
  config: Config,
  { dataDir, keys, ...parts }: AnnotationParts,
): Promise<StoredAnnotations> {
  const { annotation } = config;
  const data: AnnotationData = {
    names: ANNOTATION_NAMES,
    ...{ dataDir, keys },
    mode: annotation.mode,
    endpoint: annotation.endpoint,
    timeoutMs: annotation.timeout_ms,
    unackedLimit: annotation.unacked_limit,
    pollDurationMs: annotation.poll_duration_ms,
    maxBatchSize: annotation.max_batch_size,
    maxQueue: annotation.max_queue,
    keepMs: parseDurationMs(annotation.keep) ?? 0,
    redis: sharedQueue(config),
    sendEvidence: annotation.send_evidence,
    evidenceMaxBytes: annotation.evidence_max_bytes,
  };
  return await StoredAnnotations.open({ ...parts, data });
}

function sharedQueue({ redis }: Config): SharedQueueOptions | undefined {
  if (redis.connection === '') return undefined;
  const { connection, database, password } = redis;
  const key = `${redis.annotation_queue}:annotations`;
  return { connection, database, password, clientName: 'chrysproxy-annotations', key };
}
