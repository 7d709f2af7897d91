import type { CameraChanges, CameraDefinition } from './types.js';

export function withChanges(definition: CameraDefinition, changes: CameraChanges, nowMs: number): CameraDefinition {
  const { record: was, ...rest } = definition;
  const record = changes.record === undefined ? was : (changes.record ?? undefined);
  return {
    ...rest,
    ...(record === undefined ? {} : { record }),
    recordAudio: changes.recordAudio ?? definition.recordAudio,
    modifiedMs: nowMs,
  };
}
