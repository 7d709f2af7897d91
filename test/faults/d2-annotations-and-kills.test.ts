import { afterAll, beforeAll, expect, it } from 'vitest';
import { AnnotationReceiver } from '../support/annotation-receiver.js';
import { KEYS } from '../support/annotations.js';
import { Proxy } from '../support/proxy.js';
import { pause } from '../support/wait.js';
import { Annotators, deliveryOf, everythingIsSent } from './annotating.js';
import { record } from './report.js';

const CAMERAS = ['one', 'two', 'three', 'four'];
/** Number of kills. Use FAULT_KILLS=500 for the full test. */
const KILLS = Number(process.env['FAULT_KILLS'] ?? 10);
const KILL_BOUND_MS = 60_000;

let receiver: AnnotationReceiver;
let proxy: Proxy;

beforeAll(async () => {
  receiver = await AnnotationReceiver.start();
  const annotation = { endpoint: receiver.url, poll_duration_ms: 20, max_batch_size: 50 };
  proxy = await Proxy.start({ config: { annotation } });
  await proxy.rest('POST', '/api/v1/settings', KEYS);
});

afterAll(async () => {
  await proxy.dispose();
  await receiver.stop();
});

it(
  'D2: acknowledged annotations are delivered although the proxy is killed again and again',
  async () => {
    const annotators = new Annotators(proxy, CAMERAS);
    for (let kill = 0; kill < KILLS; kill += 1) {
      await annotators.more(50, KILL_BOUND_MS);
      // A random pause, so that the kill interrupts different work each time.
      await pause(Math.random() * 100);
      await proxy.kill9();
      await proxy.resume();
    }
    await annotators.more(50, KILL_BOUND_MS);
    await annotators.stop();
    await everythingIsSent(proxy, KILL_BOUND_MS);

    const { lost, disordered, renamed, repeated } = deliveryOf(annotators, receiver);
    const fault = `kill -9 while annotations arrive, ${KILLS} times`;
    record({ row: 'D2', fault, figure: `acknowledged and lost, of ${annotators.count}`, value: lost, promise: '0' });
    record({ row: 'D2', fault, figure: 'out of order', value: disordered, promise: '0' });
    record({ row: 'D2', fault, figure: `under a second id, of ${repeated} repeated`, value: renamed, promise: '0' });
    expect({ lost, disordered, renamed }).toEqual({ lost: 0, disordered: 0, renamed: 0 });
    expect(annotators.failures).toBeGreaterThan(0);
    expect(receiver.complaints).toEqual([]);
  },
  (KILLS + 2) * KILL_BOUND_MS,
);
