import { afterAll, beforeAll, expect, it } from 'vitest';
import { AnnotationReceiver, type Fault } from '../support/annotation-receiver.js';
import { annotationsStatus, KEYS } from '../support/annotations.js';
import { Proxy } from '../support/proxy.js';
import { waitFor } from '../support/wait.js';
import { Annotators, deliveryOf, everythingIsSent } from './annotating.js';
import { record } from './report.js';

const CAMERAS = ['one', 'two', 'three', 'four'];
const BOUND_MS = 60_000;
const FAULTS: Readonly<Record<string, Fault>> = {
  'answers 500': { kind: 'status', status: 500 },
  'answers 429': { kind: 'status', status: 429, headers: { 'retry-after': '1' } },
  hangs: { kind: 'hang' },
  'answers too slowly': { kind: 'drip' },
  'resets after the body': { kind: 'reset' },
};

let receiver: AnnotationReceiver;
let proxy: Proxy;

beforeAll(async () => {
  receiver = await AnnotationReceiver.start();
  const annotation = { endpoint: receiver.url, poll_duration_ms: 50, timeout_ms: 1000 };
  proxy = await Proxy.start({ config: { annotation } });
  await proxy.rest('POST', '/api/v1/settings', KEYS);
});

afterAll(async () => {
  await proxy.dispose();
  await receiver.stop();
});

it('D1: annotations survive a receiver that fails in every way', async () => {
  const annotators = new Annotators(proxy, CAMERAS);
  for (const fault of Object.values(FAULTS)) {
    await annotators.more(200, BOUND_MS);
    receiver.fault = fault;
    const { length } = receiver.batches;
    // The second batch is a retry.
    await waitFor('two batches to fail', BOUND_MS, () => receiver.batches.length >= length + 2);
    await annotators.more(200, BOUND_MS);
    receiver.fault = undefined;
    const { delivered } = await annotationsStatus(proxy);
    await waitFor(
      'the delivery to go on',
      BOUND_MS,
      async () => (await annotationsStatus(proxy)).delivered > delivered,
    );
  }
  await receiver.stop();
  await annotators.more(200, BOUND_MS);
  await receiver.listen();
  await annotators.stop();
  await everythingIsSent(proxy, BOUND_MS);

  const { lost, disordered, renamed, repeated } = deliveryOf(annotators, receiver);
  const fault = `a receiver that ${Object.keys(FAULTS).join(', ')}, is away`;
  record({ row: 'D1', fault, figure: `acknowledged and lost, of ${annotators.count}`, value: lost, promise: '0' });
  record({ row: 'D1', fault, figure: 'out of order', value: disordered, promise: '0' });
  record({ row: 'D1', fault, figure: `under a second id, of ${repeated} repeated`, value: renamed, promise: '0' });
  expect({ lost, disordered, renamed }).toEqual({ lost: 0, disordered: 0, renamed: 0 });
  expect(repeated).toBeGreaterThan(0);
  expect(annotators.failures).toBe(0);
  expect(receiver.complaints).toEqual([]);
});
