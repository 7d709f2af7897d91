import { join } from 'node:path';

import { parseDurationMs } from '../base/duration.js';
import type { Config } from '../config/schema.js';
import type { NativeAddon } from '../native/types.js';
import { CameraRecordings, type RecordingsOptions } from '../recording/recordings.js';

export interface RecordingParts extends Pick<
  RecordingsOptions,
  'dataDir' | 'cameras' | 'logger' | 'clock' | 'protectedSpans'
> {
  readonly addon: Pick<NativeAddon, 'wallUs' | 'keepWallAfter'>;
}

/** Opens the recordings as configured. Throws failed_precondition. */
export function openRecordings({ buffer }: Config, parts: RecordingParts): CameraRecordings {
  const { addon, dataDir } = parts;
  const recordings = new CameraRecordings({
    ...parts,
    folder: buffer.on_disk_folder ?? join(dataDir, 'archive'),
    onDisk: buffer.on_disk,
    packetsInMemory: buffer.in_memory,
    segmentMinMs: buffer.segment_min_ms,
    rules: {
      olderThanMs: parseDurationMs(buffer.on_disk_clean_older_than) ?? 0,
      maxBytesPerCamera: buffer.on_disk_max_bytes,
      maxBytesTotal: buffer.on_disk_max_bytes_total,
      minFreeBytes: buffer.on_disk_min_free_bytes,
    },
    schedule: buffer.on_disk_schedule,
  });
  // When the clock was set back since the last run, new packets would overlap recorded ones.
  addon.keepWallAfter(recordings.newestUs);
  return recordings;
}
