import { PACKET_ENTRY, PACKET_RING } from '../../gen/ring-layout.js';
import { loadAddon } from '../../native/addon.js';
import type { NativeAddon } from '../../native/types.js';

/** Slots of a frame ring: for the newest keyframe, the newest frame at an interval, one being written, and two being read. */
export const FRAME_SLOTS = 5;

/** Maximum size of a frame's message. Clients receive at most 50 MiB; 4 KiB of it are for fields that differ for each caller. */
export const MAX_FRAME_MESSAGE_BYTES = 50 * 1024 * 1024 - 4096;

const MIN_ENTRIES = 4096;
/** Twice as many, because the ring also holds the GOP that is removed next. */
const ENTRIES_PER_PACKET = 2;

export interface PacketRingSize {
  /** Minimum number of newest packets that are kept, in whole GOPs, as far as maxBytes allows it. */
  readonly minPackets: number;
  /** Size of the ring in bytes. A page of it takes memory only when a packet is written to it. */
  readonly maxBytes: number;
}

/** Creates an empty packet ring. The first packet will have the sequence `firstSequence`. */
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

/** AAC has about 47 packets a second, of a few hundred bytes each. */
const AUDIO_PACKETS = 2048;
const AUDIO_BYTES = 4 * 1024 * 1024;

/** Creates a ring for about 40 s of a camera's audio. */
export function createAudioRing(addon: Pick<NativeAddon, 'initPacketRing'> = loadAddon()): SharedArrayBuffer {
  return createPacketRing({ minPackets: AUDIO_PACKETS, maxBytes: AUDIO_BYTES }, 1, addon);
}
