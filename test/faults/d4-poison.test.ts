import { afterAll, beforeAll, expect, it } from 'vitest';
import { AnnotationReceiver } from '../support/annotation-receiver.js';
import { annotate, annotationsStatus, KEYS } from '../support/annotations.js';
import { ImageClient } from '../support/grpc-client.js';
import { Proxy } from '../support/proxy.js';
import { everythingIsSent } from './annotating.js';
import { record } from './report.js';

/** Number of annotations that the endpoint accepts. */
const ACCEPTED = 500;
const BOUND_MS = 60_000;

let receiver: AnnotationReceiver;
let proxy: Proxy;
let client: ImageClient;

beforeAll(async () => {
  receiver = await AnnotationReceiver.start();
  proxy = await Proxy.start({ config: { annotation: { endpoint: receiver.url, poll_duration_ms: 1000 } } });
  await proxy.rest('POST', '/api/v1/settings', KEYS);
  client = new ImageClient(proxy.grpcAddress, 'unary');
});

afterAll(async () => {
  client.close();
  await proxy.dispose();
  await receiver.stop();
});

it('D4: an annotation that the endpoint refuses is set aside with its reason, and the others are delivered', async () => {
  receiver.fault = { kind: 'poison' };
  const all = Array.from({ length: ACCEPTED }, (_, number) => String(number));
  all.splice(123, 0, 'poison');
  await Promise.all(all.map((custom) => annotate(client, 'yard', { custom_meta_1: custom })));
  await everythingIsSent(proxy, BOUND_MS);

  const found = await annotationsStatus(proxy);
  const { text } = await proxy.rest('GET', '/api/v1/annotations/set-aside');
  const { annotations } = JSON.parse(text) as { annotations: { reason: string }[] };
  const fault = 'one annotation is always refused with 400';
  record({ row: 'D4', fault, figure: `delivered, of ${ACCEPTED}`, value: receiver.ids.size, promise: `${ACCEPTED}` });
  record({ row: 'D4', fault, figure: 'set aside', value: found.set_aside, promise: '1' });
  record({ row: 'D4', fault, figure: 'requests in total', value: receiver.batches.length, promise: 'reported only' });
  expect(receiver.ids.size).toBe(ACCEPTED);
  expect(annotations).toMatchObject([{ reason: expect.stringContaining('400') }]);
  expect(found).toMatchObject({ set_aside: 1, delivered: ACCEPTED, paused: null });
});
