import type { CameraChanges, CameraDefinition } from './types.js';

export function withChanges(definition: CameraDefinition, changes: CameraChanges, nowMs: number): CameraDefinition {
  const { record: was, ...rest } = withEndpoint(definition, changes.rtmpEndpoint);
  const record = changes.record === undefined ? was : (changes.record ?? undefined);
  const { passthrough, storage, storing } = changes;
  const isOnlyFact = Object.keys(changes).every((key) => key === 'storing');
  return {
    ...rest,
    ...(record === undefined ? {} : { record }),
    recordAudio: changes.recordAudio ?? definition.recordAudio,
    ...(passthrough === undefined ? {} : { passthrough }),
    ...(storage === undefined ? {} : { storage }),
    ...(storing === undefined ? {} : { storing }),
    modifiedMs: isOnlyFact ? definition.modifiedMs : nowMs,
  };
}

/** The cloud knows a stream by its endpoint: what it said of another one does not hold. */
function withEndpoint(definition: CameraDefinition, endpoint: string | null | undefined): CameraDefinition {
  if (endpoint === undefined || endpoint === definition.rtmpEndpoint) return definition;
  const { rtmpEndpoint: _was, storing: _fact, ...rest } = definition;
  if (endpoint !== null) return { ...rest, rtmpEndpoint: endpoint };
  const { passthrough: _pushed, storage: _stored, ...plain } = rest;
  return plain;
}
