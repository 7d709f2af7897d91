import { beforeEach, describe, expect, it } from 'vitest';

import { Closings } from '../../../../src/cameras/capture/closings.js';
import { TEARDOWN_MARGIN_MS, TEARDOWN_MS } from '../../../../src/cameras/capture/teardown.js';
import { StillClock } from '../../fixtures/still-clock.js';

const YARD = { host: 'cam.local', port: 554 };

let clock: StillClock;
let closings: Closings;

beforeEach(() => {
  clock = new StillClock();
  closings = new Closings(clock);
});

/** Whether a wait has ended. */
async function isOver(wait: Promise<void>): Promise<boolean> {
  const marker = new Promise<false>((resolve) => setTimeout(resolve, 5, false));
  return await Promise.race([wait.then(() => true), marker]);
}

describe('connections that are being closed', () => {
  it('delay the next connection to the same host and port until all are closed', async () => {
    const first = closings.begin(YARD);
    const second = closings.begin({ host: 'CAM.local', port: 554 });
    const wait = closings.allClosed(YARD);
    first();
    expect(await isOver(wait)).toBe(false);
    second();
    expect(await isOver(wait)).toBe(true);
    expect(closings.isClosing(YARD)).toBe(false);
    expect(clock.pendingTimers).toBe(0);
  });

  it('do not delay a connection to another port or host', async () => {
    closings.begin(YARD);
    for (const other of [{ host: 'cam.local', port: 8554 }, { host: 'door', port: 554 }, {}]) {
      expect(closings.isClosing(other)).toBe(false);
      expect(await isOver(closings.allClosed(other))).toBe(true);
    }
  });

  it('delay a connection for at most the time that TEARDOWN may take', async () => {
    closings.begin(YARD);
    const wait = closings.allClosed(YARD);
    clock.advance(TEARDOWN_MS + TEARDOWN_MARGIN_MS - 1);
    expect(await isOver(wait)).toBe(false);
    clock.advance(1);
    expect(await isOver(wait)).toBe(true);
  });

  it('can be reported as closed twice', () => {
    const done = closings.begin(YARD);
    done();
    closings.begin(YARD);
    done();
    expect(closings.isClosing(YARD)).toBe(true);
  });

  it('do not exist for files', () => {
    closings.begin({})();
    expect(closings.isClosing({})).toBe(false);
  });
});
