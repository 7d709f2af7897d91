import type { Clock } from '../base/clock.js';
import { TEARDOWN_MARGIN_MS, TEARDOWN_MS } from './teardown.js';

/** What a connection goes to; without a port there is no connection, as for a file. */
export interface Endpoint {
  readonly host?: string;
  readonly port?: number;
}

const NOTHING_TO_CLOSE = (): void => undefined;

/**
 * The connections that are being closed, by host and port. Many cameras allow one session, and refuse the next one until
 * they have seen TEARDOWN: whoever connects to such a host waits here first. Main thread.
 */
export class Closings {
  private readonly byEndpoint = new Map<string, Set<Promise<void>>>();

  constructor(private readonly clock: Clock) {}

  /** A connection begins to close. The returned function says that it is closed; that is also assumed after a while. */
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

  /** Resolves when no connection to that host and port is being closed. */
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
