import type { RedisClient } from '../redis/redis-link.js';
import { codecKey } from './keys.js';
import type { CameraRow } from './messages.js';

/** Redis deletes states that are not written again within this time, so that no program reads the states of a dead proxy. */
const EXPIRES_MS = 60_000;

/** Writes the states and codecs of all cameras in one transaction. Publisher thread. */
export async function writeTable(client: RedisClient, key: string, rows: readonly CameraRow[]): Promise<void> {
  const transaction = client.multi().del(key);
  if (rows.length > 0) {
    transaction.hSet(key, Object.fromEntries(rows.map(({ camera, json }) => [camera, json]))).pExpire(key, EXPIRES_MS);
  }
  for (const { camera, codec } of rows) {
    if (codec === undefined) continue;
    transaction.set(codecKey(camera), Buffer.from(codec), { expiration: { type: 'PX', value: EXPIRES_MS } });
  }
  await transaction.exec();
}
