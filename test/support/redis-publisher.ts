/** Reads the publisher's status over REST, and frames from Redis. */
import { RESP_TYPES } from 'redis';
import type { RedisStatusAnswer } from '../../src/rest/route-table/services.js';
import { readBarcode } from './barcode.js';
import { decodeFrame } from './grpc-client.js';
import type { Proxy } from './proxy.js';
import type { RawRedis } from './redis-server.js';
import { waitFor } from './wait.js';

const BOUND_MS = 60_000;

export async function redisStatus(proxy: Proxy): Promise<RedisStatusAnswer> {
  const { status, text } = await proxy.rest('GET', '/api/v1/redis/status');
  if (status !== 200) throw new Error(`The status of Redis: ${status} ${text}`);
  return JSON.parse(text) as RedisStatusAnswer;
}

/** The numbers of the next `count` frames of a camera that is always published. */
export async function streamNumbers(client: RawRedis, camera: string, count: number): Promise<(number | 'torn')[]> {
  const raw = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
  const numbers: (number | 'torn')[] = [];
  let after = '0-0';
  await waitFor(`${count} frames of ${camera} in Redis`, BOUND_MS, async () => {
    for (const { id, message } of (await raw.xRange(camera, `(${after}`, '+')) ?? []) {
      after = id.toString();
      const { data, width, height } = decodeFrame(message['data'] ?? Buffer.alloc(0));
      numbers.push(readBarcode(data, width, height));
    }
    return numbers.length >= count;
  });
  return numbers;
}
