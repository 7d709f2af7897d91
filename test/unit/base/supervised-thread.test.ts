import { afterEach, expect, it } from 'vitest';

import { systemClock } from '../../../src/base/clock.js';
import { SupervisedThread } from '../../../src/base/supervised-thread.js';
import { waitFor } from '../../support/wait.js';

const BOUND_MS = 15_000;
const ECHO = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort, workerData } from 'node:worker_threads';
    parentPort.on('message', (message) => {
      if (message === 'end') parentPort.close();
      else if (message === 'crash') throw new Error('it crashed');
      else parentPort.postMessage(workerData + message);
    });
  `)}`,
);

let thread: SupervisedThread<string, string> | undefined;

afterEach(async () => {
  await thread?.end('end', 1000);
});

function start(data: () => unknown): { readonly heard: string[]; readonly logged: string[] } {
  const heard: string[] = [];
  const logged: string[] = [];
  thread = new SupervisedThread<string, string>({
    url: ECHO,
    name: 'echo',
    label: 'The thread that echoes',
    data,
    heapMb: { old: 32, young: 2 },
    clock: { ...systemClock, after: (delayMs, action) => systemClock.after(delayMs / 20, action) },
    logger: { error: (text: unknown) => void logged.push(String(text)) } as never,
    onMessage: (message) => heard.push(message),
    onCrashed: () => undefined,
  });
  thread.ensureStarted();
  return { heard, logged };
}

it('restarts a thread that crashed, and reports the outage meanwhile', async () => {
  const { heard } = start(() => 'said ');
  thread!.send('a');
  await waitFor('the echo', BOUND_MS, () => heard.includes('said a'));
  thread!.send('crash');
  await waitFor('the crash to be noticed', BOUND_MS, () => thread!.outage.includes('it crashed'));
  await waitFor('another thread', BOUND_MS, () => {
    thread!.send('b');
    return heard.includes('said b');
  });
  expect(thread!.outage).toBe('');
});

it('tries again when a thread cannot be started, without throwing', async () => {
  let tries = 0;
  const { heard, logged } = start(() => {
    tries += 1;
    // A value that cannot be cloned makes the start throw, as a lack of threads does.
    return tries < 3 ? () => undefined : 'said ';
  });
  expect(thread!.outage).toContain('The thread that echoes ended');
  await waitFor('a thread in the end', BOUND_MS, () => {
    thread!.send('c');
    return heard.includes('said c');
  });
  expect(logged).toHaveLength(2);
  expect(thread!.outage).toBe('');
});
