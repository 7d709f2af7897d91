/** Events that a real proxy posts to a URL of the operator. The receiver checks every signature against the body. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { Farm } from '../farm/farm.js';
import { AnnotationReceiver, KEY, SECRET, type ReceivedAnnotation } from '../support/annotation-receiver.js';
import { runCli } from '../support/cli.js';
import { Proxy } from '../support/proxy.js';
import { waitFor } from '../support/wait.js';

const BOUND_MS = 30_000;
const KEYS = { name: 'default', edge_key: KEY, edge_secret: SECRET };

let farm: Farm;
let receiver: AnnotationReceiver;
let proxy: Proxy;

beforeAll(async () => {
  farm = await Farm.start({ mounts: [{ path: 'open', clip: 'h264-640x480-25-g50' }] });
});
beforeEach(async () => {
  receiver = await AnnotationReceiver.start();
});
afterEach(async () => {
  await proxy.dispose();
  await receiver.stop();
});
afterAll(() => farm.stop());

async function start(webhook: Readonly<Record<string, unknown>> = {}, hasKeys = true): Promise<void> {
  proxy = await Proxy.start({
    config: {
      annotation: { endpoint: receiver.url },
      webhook: { url: receiver.url, timeout_ms: 1000, ...webhook },
    },
  });
  if (hasKeys) await proxy.rest('POST', '/api/v1/settings', KEYS);
}

/** The states of a camera's events, in the order of their first arrival. */
function statesOf(name: string): unknown[] {
  return firstOnes()
    .filter(({ device_name: camera }) => camera === name)
    .map(({ state }) => state);
}

/** The accepted events without repetitions. */
function firstOnes(): ReceivedAnnotation[] {
  return [...new Map([...receiver.accepted].reverse().map((event) => [event.id, event])).values()].reverse();
}

async function status(): Promise<Readonly<Record<string, unknown>>> {
  return JSON.parse((await proxy.rest('GET', '/api/v1/webhooks/status')).text) as Record<string, unknown>;
}

it('webhooks report in order that a camera is added, runs, is away, runs again and is removed', async () => {
  await start();
  await proxy.addCamera('yard', farm.url('open'));
  await waitFor('running', BOUND_MS, () => statesOf('yard').includes('running'));
  await farm.kill();
  await waitFor('reconnecting', BOUND_MS, () => statesOf('yard').includes('reconnecting'));
  await farm.restart();
  await waitFor('running again', BOUND_MS, () => statesOf('yard').at(-1) === 'running');
  await proxy.removeCamera('yard');
  await waitFor('removed', BOUND_MS, () => statesOf('yard').includes('removed'));
  const states = statesOf('yard');
  expect([states[0], states[1], states.at(-2), states.at(-1)]).toEqual(['added', 'running', 'running', 'removed']);
  const down = firstOnes().find(({ state }) => state === 'reconnecting');
  expect(down).toMatchObject({
    type: 'camera',
    start_timestamp: expect.any(Number),
    message: expect.stringMatching(/./),
  });
  expect(receiver.complaints).toEqual([]);
  expect(await status()).toMatchObject({ queued: 0, dropped: 0, paused: null });
});

it('events wait while the receiver is away or refuses them, survive kill -9, and keep their ids', async () => {
  await start();
  receiver.fault = { kind: 'status', status: 404 };
  await proxy.addCamera('gate', 'rtsp://127.0.0.1:1/x');
  await waitFor('two attempts', BOUND_MS, () => receiver.batches.length > 1);
  const [first, second] = receiver.batches;
  expect(second?.ids[0]).toBe(first?.ids[0]);
  await receiver.stop();
  await waitFor('both events to be stored', BOUND_MS, async () => Number((await status())['queued']) >= 2);
  expect(await status()).toMatchObject({ delivered: 0, dropped: 0, last_error: expect.stringContaining('http') });
  await proxy.kill9();
  receiver.fault = undefined;
  await receiver.listen();
  await proxy.resume();
  await waitFor('the waiting events', BOUND_MS, () => statesOf('gate').includes('reconnecting'));
  expect(statesOf('gate').slice(0, 2)).toEqual(['added', 'reconnecting']);
  expect(firstOnes()[0]?.id).toBe(first?.ids[0]);
  expect(receiver.complaints).toEqual([]);
});

it('events are sent only with keys and only of configured types, and can be tested', async () => {
  await start({ events: ['recording'] }, false);
  await proxy.addCamera('gate', 'rtsp://127.0.0.1:1/x');
  const { exitCode, stdout } = await runCli(proxy, ['webhooks', 'test']);
  expect([exitCode, /event [0-9a-f-]{36} is queued/.test(stdout)]).toEqual([0, true]);
  expect(await status()).toMatchObject({ queued: 1, delivered: 0, paused: expect.stringContaining('no edge key') });
  expect((await runCli(proxy, ['webhooks', 'status'])).stdout).toMatch(/Paused: +There is no edge key/);
  await proxy.rest('POST', '/api/v1/settings', KEYS);
  await waitFor('the test event', BOUND_MS, () => receiver.accepted.length > 0);
  expect(firstOnes()).toMatchObject([{ type: 'webhooks', state: 'test', device_name: '' }]);
  const { checks } = JSON.parse((await proxy.rest('POST', '/api/v1/cloud/check')).text) as { checks: unknown[] };
  expect(checks).toMatchObject([{ of: 'annotations' }, { of: 'webhooks', ok: true, endpoint: receiver.url }]);
});
