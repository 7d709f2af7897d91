import { PACKET_RING } from '../gen/ring-layout.js';

/**
 * Sets the minimum number of packets that a ring keeps, at most half of its entries. The ring keeps fewer when their bytes do
 * not fit. The capture loop reads the number with each packet. Main thread.
 */
export function keepPackets(ring: SharedArrayBuffer, count: number): void {
  const entryCount = new Int32Array(ring, 0, PACKET_RING.bytes / 4)[PACKET_RING.entryCountI32] ?? 0;
  const header = new BigInt64Array(ring, 0, PACKET_RING.bytes / 8);
  Atomics.store(header, PACKET_RING.minPacketsI64, BigInt(Math.min(count, entryCount / 2)));
}
