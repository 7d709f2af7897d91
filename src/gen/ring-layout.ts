// Generated from native/src/rings/ring_layout.h by `make -C native layout`. Do not edit.

export const LAYOUT_VERSION = 5;

export const DEMAND = { idle: 0, keyframes: 1, interval: 2, all: 3 } as const;

export const FLAG = { keyframe: 1, corrupt: 2, filterShift: 8 } as const;

/** Bits of the frame filters. `firstInterval` is the number of a bit, `intervals` the number of interval filters. */
export const FRAME_FILTER = { keyframes: 1, all: 2, firstInterval: 2, intervals: 8 } as const;

export const PICTURE_FORMAT = { bgr24: 0, rgb24: 1, gray8: 2, i420: 3, jpeg: 4 } as const;

/** The control block of a camera. Each field is an index into the typed array that ends its name. */
export const CONTROL = {
  bytes: 768,
  layoutVersionI32: 0,
  stopI32: 1,
  bufferLimitedI32: 2,
  snapshotWantedI32: 3,
  snapshotDoneI32: 4,
  frameEventI32: 5,
  frameWaitersI32: 6,
  packetEventI32: 7,
  packetWaitersI32: 8,
  connectedI32: 9,
  fpsMilliI32: 10,
  gopPacketsI32: 11,
  widthI32: 12,
  heightI32: 13,
  decodingModeI32: 14,
  decoderDelayI32: 15,
  stallLimitMsI32: 16,
  packetsDamagedI32: 17,
  packetsI64: 9,
  keyframeCountI64: 10,
  bytesI64: 11,
  framesDecodedI64: 12,
  framesPublishedI64: 13,
  framesCorruptI64: 14,
  framesDroppedI64: 15,
  decodeErrorsI64: 16,
  decodeUsI64: 17,
  convertUsI64: 18,
  lastPacketMsI64: 19,
  lastFrameMsI64: 20,
  newestFrameIdI64: 21,
  packetSequenceI64: 22,
  connectionKeyframeCountI64: 23,
  intervalMsI32: 48,
  outputsI32: 56,
} as const;

/** One of the control block's outputs, relative to its start. Each field is an index into the typed array that ends its name. */
export const OUTPUT = {
  bytes: 32,
  count: 16,
  filtersI32: 0,
  formatI32: 1,
  widthI32: 2,
  heightI32: 3,
  qualityI32: 4,
  enlargeI32: 5,
  serialI32: 6,
  tooLargeI32: 7,
} as const;

/** The header of a frame ring; its slots follow. Each field is an index into the typed array that ends its name. */
export const FRAME_RING = {
  bytes: 64,
  layoutVersionI32: 0,
  generationI32: 1,
  slotCountI32: 2,
  slotStrideI32: 3,
  latestFrameIdI64: 2,
  latestKeyframeIdI64: 3,
  latestIntervalIdI64: 4,
} as const;

/** The header of one slot, relative to the slot's start. Each field is an index into the typed array that ends its name. */
export const FRAME_SLOT = {
  bytes: 64,
  lockI32: 0,
  flagsI32: 1,
  messageOffsetI32: 2,
  messageBytesI32: 3,
  dataOffsetI32: 4,
  dataBytesI32: 5,
  widthI32: 6,
  heightI32: 7,
  serialI32: 8,
  reservedI32: 9,
  frameIdI64: 5,
  arrivalUsI64: 6,
  keyframeCountI64: 7,
} as const;

/** The header of a packet ring; its entries and then its payload follow. Each field is an index into the typed array that ends its name. */
export const PACKET_RING = {
  bytes: 64,
  layoutVersionI32: 0,
  entryCountI32: 1,
  dataBytesI64: 1,
  firstSequenceI64: 2,
  nextSequenceI64: 3,
  lastKeyframeSequenceI64: 4,
  capacityI64: 5,
  minPacketsI64: 6,
  openConnectionI32: 14,
  declaredReorderI32: 15,
} as const;

/** One entry of the packet ring, relative to the entry's start. Each field is an index into the typed array that ends its name. */
export const PACKET_ENTRY = {
  bytes: 96,
  sizeI32: 0,
  flagsI32: 1,
  gopIndexI32: 2,
  timeBaseNumI32: 3,
  timeBaseDenI32: 4,
  connectionI32: 5,
  sequenceI64: 3,
  offsetI64: 4,
  ptsI64: 5,
  dtsI64: 6,
  arrivalUsI64: 7,
  senderUsI64: 8,
  keyframeCountI64: 9,
  originalUsI64: 10,
  originalIdI64: 11,
} as const;
