import { PACKET_ENTRY, PACKET_RING } from '../../gen/ring-layout.js';
import { loadAddon } from '../../native/addon.js';
import type { NativeAddon } from '../../native/types.js';

/** The newest keyframe keeps one, so does the newest frame that is due by an interval, one is written, two are read. */
export const FRAME_SLOTS = 5;

/** Clients receive at most 50 MiB; a little is left for the fields that differ per caller. */
export const MAX_FRAME_MESSAGE_BYTES = 50 * 1024 * 1024 - 4096;

const MIN_ENTRIES = 4096;
/** Beside the packets that are wished for, the group that is about to leave lies in the ring. */
const ENTRIES_PER_PACKET = 2;

export interface PacketRingSize {
  /** Newest packets that are kept at least, in whole groups, as far as maxBytes allows it. */
  readonly minPackets: number;
  /** Address space: a page costs memory only once a packet was written to it. */
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

/** The same for the sound of a camera: some 40 s of it. */
export function createAudioRing(addon: Pick<NativeAddon, 'initPacketRing'> = loadAddon()): SharedArrayBuffer {
  return createPacketRing({ minPackets: AUDIO_PACKETS, maxBytes: AUDIO_BYTES }, 1, addon);
}
