import { keepAliveClock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import { within } from '../base/within.js';

/** A shutdown that takes longer than this has failed. */
const SHUTDOWN_TIMEOUT_MS = 8000;

type Closer = () => void | Promise<void>;

/** The close functions of everything that was opened. They run in the opposite order. */
export class Closers {
  private readonly closers: Closer[] = [];

  add(close: Closer): void {
    this.closers.push(close);
  }

  /** Goes on after an error. False: something failed, or not everything was closed in time. */
  async closeAll(logger: Logger | undefined): Promise<boolean> {
    return await within(this.closeInOrder(logger), SHUTDOWN_TIMEOUT_MS, keepAliveClock, () => false);
  }

  private async closeInOrder(logger: Logger | undefined): Promise<boolean> {
    let clean = true;
    for (const close of this.closers.reverse()) {
      try {
        await close();
      } catch (error) {
        clean = false;
        logger?.error({ err: error }, `Stopping failed: ${messageOf(error)}`);
      }
    }
    return clean;
  }
}
