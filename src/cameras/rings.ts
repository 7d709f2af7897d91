import { loadAddon } from '../native/addon.js';
import type { NativeAddon } from '../native/types.js';

/** The newest keyframe keeps one, the writer needs one, and two are for readers. */
export const FRAME_SLOTS = 4;

/** Clients receive at most 50 MiB; a little is left for the fields that differ per caller. */
export const MAX_FRAME_MESSAGE_BYTES = 50 * 1024 * 1024 - 4096;

const PACKET_ENTRIES = 4096;
/** Address space: a page costs memory only once a packet was written to it. */
const PACKET_RING_BYTES = 64 * 1024 * 1024;

/** A new packet ring, empty and laid out. */
export function createPacketRing(addon: Pick<NativeAddon, 'initPacketRing'> = loadAddon()): SharedArrayBuffer {
  const ring = new SharedArrayBuffer(PACKET_RING_BYTES);
  addon.initPacketRing(new Uint8Array(ring), PACKET_ENTRIES);
  return ring;
}
