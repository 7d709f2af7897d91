import { StoredAnnotations, type StoredAnnotationsOptions } from '../annotations/stored-annotations.js';
import { parseDurationMs } from '../base/duration.js';
import type { Config } from '../config/schema.js';

export type AnnotationParts = Pick<StoredAnnotationsOptions, 'dataDir' | 'keys' | 'logger' | 'clock' | 'stopping'>;

/** The annotations as the configuration wants them. Throws failed_precondition. */
export async function openAnnotations(
  { annotation, redis }: Config,
  parts: AnnotationParts,
): Promise<StoredAnnotations> {
  return await StoredAnnotations.open({
    ...parts,
    mode: annotation.mode,
    endpoint: annotation.endpoint,
    timeoutMs: annotation.timeout_ms,
    unackedLimit: annotation.unacked_limit,
    pollDurationMs: annotation.poll_duration_ms,
    maxBatchSize: annotation.max_batch_size,
    maxQueue: annotation.max_queue,
    keepMs: parseDurationMs(annotation.keep) ?? 0,
    redis:
      redis.connection === ''
        ? undefined
        : {
            connection: redis.connection,
            database: redis.database,
            password: redis.password,
            name: redis.annotation_queue,
          },
  });
}
