import { BinaryWriter } from '@bufbuild/protobuf/wire';

import type { SerializedMessage } from './frame-serializer.js';
import type { OwnFrame } from './nearest-frame.js';
import type { statusOf } from './status.js';

export type BatchItem = { readonly deviceId: string } & (
  { readonly frame: OwnFrame } | { readonly failure: ReturnType<typeof statusOf> }
);

// Tags of VideoBatchResponse and its Item: field number and wire type.
const ITEMS = (1 << 3) | 2;
const TIMESTAMP = (2 << 3) | 0;
const DEVICE_ID = (1 << 3) | 2;
const FRAME = (2 << 3) | 2;
const SKEW_MS = (3 << 3) | 0;
const ERROR = (4 << 3) | 2;
const CODE = (5 << 3) | 0;

/** A serialized VideoBatchResponse. Its frames are finished messages, which are copied and not encoded again. */
export function batchMessageOf(items: readonly BatchItem[], momentMs: number): SerializedMessage {
  const parts = [
    ...items.flatMap((item) => partsOf(item, momentMs)),
    new BinaryWriter().uint32(TIMESTAMP).int64(momentMs).finish(),
  ];
  return {
    byteLength: lengthOf(parts),
    copy(target, targetOffset) {
      let at = targetOffset;
      for (const part of parts) {
        target.set(part, at);
        at += part.length;
      }
    },
  };
}

function partsOf(item: BatchItem, momentMs: number): Uint8Array[] {
  const writer = new BinaryWriter().uint32(DEVICE_ID).string(item.deviceId);
  let parts: Uint8Array[];
  if ('frame' in item) {
    const { message, arrivalMs } = item.frame;
    const head = writer.uint32(FRAME).uint32(message.length).finish();
    parts = [
      head,
      message,
      new BinaryWriter()
        .uint32(SKEW_MS)
        .int64(arrivalMs - momentMs)
        .finish(),
    ];
  } else {
    parts = [writer.uint32(ERROR).string(item.failure.details).uint32(CODE).int32(item.failure.code).finish()];
  }
  return [new BinaryWriter().uint32(ITEMS).uint32(lengthOf(parts)).finish(), ...parts];
}

function lengthOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}
