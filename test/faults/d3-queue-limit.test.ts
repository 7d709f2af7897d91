import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AnnotationReceiver } from '../support/annotation-receiver.js';
import { annotate, annotationsStatus, KEYS } from '../support/annotations.js';
import { failure, ImageClient } from '../support/grpc-client.js';
import { Proxy } from '../support/proxy.js';
import { everythingIsSent } from './annotating.js';
import { record } from './report.js';

const LIMIT = 2000;
const AT_ONCE = 50;
const BOUND_MS = 60_000;

let receiver: AnnotationReceiver;
let proxy: Proxy;
let client: ImageClient;

beforeAll(async () => {
  receiver = await AnnotationReceiver.start();
  await receiver.stop();
  proxy = await Proxy.start({ config: { annotation: { endpoint: receiver.url, max_queue: LIMIT } } });
  await proxy.rest('POST', '/api/v1/settings', KEYS);
  client = new ImageClient(proxy.grpcAddress, 'unary');
});

afterAll(async () => {
  client.close();
  await proxy.dispose();
  await receiver.stop();
});

it('D3: without a receiver, the queue grows to its limit, which is reported, and is later delivered completely', async () => {
  let acknowledged = 0;
  const refusals: { code: status; details: string }[] = [];
  for (let sent = 0; sent < LIMIT + 5 * AT_ONCE; sent += AT_ONCE) {
    const calls = Array.from({ length: AT_ONCE }, async (_, index) => {
      await annotate(client, 'yard', { custom_meta_1: String(sent + index) }).then(
        () => {
          acknowledged += 1;
        },
        async (error: unknown) => refusals.push(await failure(Promise.reject(error as Error))),
      );
    });
    await Promise.all(calls);
  }
  expect(refusals.every(({ code }) => code === status.RESOURCE_EXHAUSTED)).toBe(true);
  expect(refusals[0]?.details).toContain('annotation.max_queue');
  expect(await annotationsStatus(proxy)).toMatchObject({
    queued: LIMIT,
    paused: expect.stringContaining('nothing listens'),
  });

  // The limit still applies after a restart.
  await proxy.kill9();
  await proxy.resume();
  expect((await failure(annotate(client, 'yard'))).code).toBe(status.RESOURCE_EXHAUSTED);
  await receiver.listen();
  await everythingIsSent(proxy, BOUND_MS);
  await annotate(client, 'yard');
  await everythingIsSent(proxy, BOUND_MS);

  const fault = `offline with annotation.max_queue at ${LIMIT}`;
  record({
    row: 'D3',
    fault,
    figure: 'acknowledged until RESOURCE_EXHAUSTED',
    value: acknowledged,
    promise: `${LIMIT}`,
  });
  const lost = acknowledged + 1 - receiver.ids.size;
  record({ row: 'D3', fault, figure: 'acknowledged and lost', value: lost, promise: '0' });
  expect(acknowledged).toBe(LIMIT);
  expect(receiver.ids.size).toBe(LIMIT + 1);
});
