import { PACKET_RING } from '../gen/ring-layout.js';

/**
 * From now on a ring keeps at least so many packets, as far as its entries and memory allow it. The capture loop looks
 * at this with each packet; main is the only one to write it.
 */
export function keepPackets(ring: SharedArrayBuffer, count: number): void {
  const entryCount = new Int32Array(ring, 0, PACKET_RING.bytes / 4)[PACKET_RING.entryCountI32] ?? 0;
  const header = new BigInt64Array(ring, 0, PACKET_RING.bytes / 8);
  Atomics.store(header, PACKET_RING.minPacketsI64, BigInt(Math.min(count, entryCount / 2)));
}
