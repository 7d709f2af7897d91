import { PACKET_ENTRY, PACKET_RING } from '../../gen/ring-layout.js';
import { loadAddon } from '../../native/addon.js';
import type { NativeAddon } from '../../native/types.js';

/** One slot for the newest keyframe, one for the newest frame at an interval, one that is written, two that are read. */
export const FRAME_SLOTS = 5;

/** Clients receive at most 50 MiB; 4 KiB are reserved for fields that differ for each caller. */
export const MAX_FRAME_MESSAGE_BYTES = 50 * 1024 * 1024 - 4096;

const MIN_ENTRIES = 4096;
/** The ring also holds the GOP that is removed next. */
const ENTRIES_PER_PACKET = 2;

export interface PacketRingSize {
  /** Minimum number of newest packets that are kept, in whole GOPs, as far as maxBytes allows it. */
  readonly minPackets: number;
  /** Address space: a page takes memory only when a packet is written to it. */
  readonly maxBytes: number;
}

/** A new packet ring, empty and laid out, whose first packet will be `firstSequence`. */
export function createPacketRing(
  size: PacketRingSize,
  firstSequence: number,
  addon: Pick<NativeAddon, 'initPacketRing'> = loadAddon(),
): SharedArrayBuffer {
  const entries = 2 ** Math.ceil(Math.log2(Math.max(MIN_ENTRIES, ENTRIES_PER_PACKET * size.minPackets)));
  const ring = new SharedArrayBuffer(PACKET_RING.bytes + entries * PACKET_ENTRY.bytes + size.maxBytes);
  addon.initPacketRing(new Uint8Array(ring), entries, size.minPackets, firstSequence);
  return ring;
}

/** AAC has some 47 packets a second, of at most a few hundred bytes. */
const AUDIO_PACKETS = 2048;
const AUDIO_BYTES = 4 * 1024 * 1024;

/** A new ring for about 40 s of a camera's audio. */
export function createAudioRing(addon: Pick<NativeAddon, 'initPacketRing'> = loadAddon()): SharedArrayBuffer {
  return createPacketRing({ minPackets: AUDIO_PACKETS, maxBytes: AUDIO_BYTES }, 1, addon);
}
