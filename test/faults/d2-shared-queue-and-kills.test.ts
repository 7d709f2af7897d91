import { afterAll, beforeAll, expect, it } from 'vitest';
import { AnnotationReceiver } from '../support/annotation-receiver.js';
import { KEYS } from '../support/annotations.js';
import { Proxy } from '../support/proxy.js';
import { RedisServer } from '../support/redis-server.js';
import { pause } from '../support/wait.js';
import { Annotators, deliveryOf, everythingIsSent } from './annotating.js';
import { record } from './report.js';

const CAMERAS = [
  ['one', 'two'],
  ['three', 'four'],
];
/** Number of kills. Use FAULT_KILLS=500 for the full test. */
const KILLS = Number(process.env['FAULT_KILLS'] ?? 3);
const KILL_BOUND_MS = 60_000;

let receiver: AnnotationReceiver;
let redis: RedisServer;
let proxies: Proxy[];

beforeAll(async () => {
  receiver = await AnnotationReceiver.start();
  // After a kill, Redis restarts with the data of its last SAVE, which is older than the last acknowledged annotations.
  redis = await RedisServer.start({ durable: false });
  const annotation = { endpoint: receiver.url, poll_duration_ms: 20, max_batch_size: 50 };
  const config = { annotation, redis: { connection: redis.connection } };
  proxies = await Promise.all(CAMERAS.map(() => Proxy.start({ config })));
  for (const proxy of proxies) await proxy.rest('POST', '/api/v1/settings', KEYS);
});

afterAll(async () => {
  for (const proxy of proxies) await proxy.dispose();
  await redis.dispose();
  await receiver.stop();
});

it(
  'D2: annotations of proxies that share a queue are delivered although the proxies and Redis are killed again and again',
  async () => {
    const annotators = proxies.map((proxy, index) => new Annotators(proxy, CAMERAS[index] ?? []));
    const more = (): Promise<unknown> => Promise.all(annotators.map((some) => some.more(50, KILL_BOUND_MS)));
    for (let kill = 0; kill < KILLS; kill += 1) {
      await more();
      if (Math.random() < 0.5) await (await redis.client()).sendCommand(['SAVE']);
      // A random pause, so that the kill interrupts different work each time.
      await pause(Math.random() * 300);
      const victim = [...proxies, redis][kill % (proxies.length + 1)] ?? redis;
      await victim.kill9();
      await (victim instanceof Proxy ? victim.resume() : victim.restart());
    }
    await more();
    for (const some of annotators) await some.stop();
    for (const proxy of proxies) await everythingIsSent(proxy, KILL_BOUND_MS);

    const acknowledged = new Map(annotators.flatMap((some) => [...some.acknowledged]));
    const count = annotators.reduce((sum, some) => sum + some.count, 0);
    const { lost, disordered, renamed, repeated } = deliveryOf({ acknowledged }, receiver);
    const fault = `kill -9 of proxies that share a queue, and of their Redis, ${KILLS} times`;
    record({ row: 'D2', fault, figure: `acknowledged and lost, of ${count}`, value: lost, promise: '0' });
    record({ row: 'D2', fault, figure: 'out of order', value: disordered, promise: '0' });
    record({ row: 'D2', fault, figure: `under a second id, of ${repeated} repeated`, value: renamed, promise: '0' });
    expect({ lost, disordered, renamed }).toEqual({ lost: 0, disordered: 0, renamed: 0 });
    expect(receiver.complaints).toEqual([]);
  },
  (KILLS + 2) * KILL_BOUND_MS,
);
