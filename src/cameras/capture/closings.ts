import type { Clock } from '../../base/clock.js';
import type { CameraSource } from '../source/source-url.js';
import { TEARDOWN_MARGIN_MS, TEARDOWN_MS } from './teardown.js';

/** The target of a connection. Files and replays have none. */
export interface Endpoint {
  readonly kind?: CameraSource['kind'];
  readonly host?: string;
  readonly port?: number;
}

const NOTHING_TO_CLOSE = (): void => undefined;

/**
 * The connections that are being closed, by host and port. Many cameras allow one session, and refuse the next one until
 * they have seen TEARDOWN. So every new connection waits here for the connections to the same host and port. Main thread.
 */
export class Closings {
  private readonly byEndpoint = new Map<string, Set<Promise<void>>>();

  constructor(private readonly clock: Clock) {}

  /**
   * A connection begins to close. The caller calls the returned function when it is closed; after TEARDOWN_MS +
   * TEARDOWN_MARGIN_MS it counts as closed anyway.
   */
  begin(endpoint: Endpoint): () => void {
    const key = keyOf(endpoint);
    if (key === undefined) return NOTHING_TO_CLOSE;
    const closings = this.byEndpoint.get(key) ?? new Set();
    this.byEndpoint.set(key, closings);
    let finish = NOTHING_TO_CLOSE;
    const closed = new Promise<void>((resolve) => {
      finish = resolve;
    });
    closings.add(closed);
    const done = (): void => {
      cancelTimer();
      finish();
      closings.delete(closed);
      if (closings.size === 0 && this.byEndpoint.get(key) === closings) this.byEndpoint.delete(key);
    };
    const cancelTimer = this.clock.after(TEARDOWN_MS + TEARDOWN_MARGIN_MS, done);
    return done;
  }

  isClosing(endpoint: Endpoint): boolean {
    return this.byEndpoint.has(keyOf(endpoint) ?? '');
  }

  /** Resolves when no connection to the endpoint's host and port is being closed. */
  async allClosed(endpoint: Endpoint): Promise<void> {
    const key = keyOf(endpoint) ?? '';
    for (let closings = this.byEndpoint.get(key); closings !== undefined; closings = this.byEndpoint.get(key)) {
      await Promise.all(closings);
    }
  }
}

function keyOf({ host, port }: Endpoint): string | undefined {
  return host === undefined || port === undefined ? undefined : `${host.toLowerCase()} ${port}`;
}
