import type { RedisClient } from '../redis/redis-link.js';
import { codecKey } from './keys.js';
import type { CameraRow } from './messages.js';

/** What is not written again for so long is gone: nobody takes the states of a proxy that died for news. */
const KEPT_MS = 60_000;

/** Writes how all cameras are, and what their codecs are, at once. Bus worker. */
export async function writeTable(client: RedisClient, key: string, rows: readonly CameraRow[]): Promise<void> {
  const all = client.multi().del(key);
  if (rows.length > 0) {
    all.hSet(key, Object.fromEntries(rows.map(({ camera, json }) => [camera, json]))).pExpire(key, KEPT_MS);
  }
  for (const { camera, codec } of rows) {
    if (codec === undefined) continue;
    all.set(codecKey(camera), Buffer.from(codec), { expiration: { type: 'PX', value: KEPT_MS } });
  }
  await all.exec();
}
