import type { AnnotateRequest } from '../gen/chrys/cloud/videostreaming/v1beta1/video_streaming.js';

/**
 * The JSON of an annotation as the cloud expects it: the fields of AnnotateRequest under their proto names, and `id`. Empty
 * fields are left out, but a 0 inside a box, location or coordinate is a value. The keyframe flag is spelled `is_keyrame`.
 */
export function annotationJson(id: string, request: AnnotateRequest): string {
  return JSON.stringify({ id, ...filled(fieldsOf(request)) });
}

function fieldsOf(request: AnnotateRequest): Readonly<Record<string, unknown>> {
  return {
    device_name: request.deviceName,
    remote_stream_id: request.remoteStreamId,
    type: request.type,
    start_timestamp: request.startTimestamp,
    end_timestamp: request.endTimestamp,
    object_type: request.objectType,
    object_id: request.objectId,
    object_tracking_id: request.objectTrackingId,
    confidence: request.confidence,
    object_bouding_box: request.objectBoudingBox,
    location: request.location,
    object_coordinate: request.objectCoordinate,
    mask: request.mask.map(({ x, y, z }) => ({ x, y, z })),
    object_signature: request.objectSignature,
    ml_model: request.mlModel,
    ml_model_version: request.mlModelVersion,
    width: request.width,
    height: request.height,
    is_keyrame: request.isKeyframe,
    video_type: request.videoType,
    offset_timestamp: request.offsetTimestamp,
    offset_duration: request.offsetDuration,
    offset_frame_id: request.offsetFrameId,
    offset_packet_id: request.offsetPacketId,
    custom_meta_1: request.customMeta1,
    custom_meta_2: request.customMeta2,
    custom_meta_3: request.customMeta3,
    custom_meta_4: request.customMeta4,
    custom_meta_5: request.customMeta5,
  };
}

function filled(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => !isEmpty(value)));
}

function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return value === undefined || value === '' || value === 0 || value === false;
}
