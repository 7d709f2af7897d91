import type { CameraChanges, CameraDefinition } from './types.js';

/** The definition with the changes. `modifiedMs` becomes `nowMs`, unless only the cloud's fact `storing` changes. */
export function withChanges(definition: CameraDefinition, changes: CameraChanges, nowMs: number): CameraDefinition {
  const { record: oldRecord, maxPixels: oldMaxPixels, ...rest } = withEndpoint(definition, changes.rtmpEndpoint);
  const record = changes.record === undefined ? oldRecord : (changes.record ?? undefined);
  const maxPixels = changes.maxPixels === undefined ? oldMaxPixels : (changes.maxPixels ?? undefined);
  const { transport, tlsVerify, passthrough, storage, storing } = changes;
  const isOnlyFact = Object.keys(changes).every((key) => key === 'storing');
  return {
    ...rest,
    ...(transport === undefined ? {} : { transport }),
    ...(tlsVerify === undefined ? {} : { tlsVerify }),
    ...(maxPixels === undefined ? {} : { maxPixels }),
    ...(record === undefined ? {} : { record }),
    recordAudio: changes.recordAudio ?? definition.recordAudio,
    ...(passthrough === undefined ? {} : { passthrough }),
    ...(storage === undefined ? {} : { storage }),
    ...(storing === undefined ? {} : { storing }),
    modifiedMs: isOnlyFact ? definition.modifiedMs : nowMs,
  };
}

/** The cloud knows a stream by its RTMP endpoint. So a new endpoint ends the validity of `storing`. */
function withEndpoint(definition: CameraDefinition, endpoint: string | null | undefined): CameraDefinition {
  if (endpoint === undefined || endpoint === definition.rtmpEndpoint) return definition;
  if (endpoint !== null) return { ...without(definition, ['storing']), rtmpEndpoint: endpoint };
  return without(definition, ['rtmpEndpoint', 'storing', 'passthrough', 'storage']);
}

type Optional = 'rtmpEndpoint' | 'storing' | 'passthrough' | 'storage';

function without(definition: CameraDefinition, fields: readonly Optional[]): CameraDefinition {
  const copy: { -readonly [Key in keyof CameraDefinition]: CameraDefinition[Key] } = { ...definition };
  for (const field of fields) Reflect.deleteProperty(copy, field);
  return copy;
}
