import { connect } from 'node:net';

/**
 * Tries whether something accepts TCP connections there and, when `greeting` is given, answers it with anything at all:
 * for a process that is frozen the kernel still accepts. The connection is closed at once.
 */
export function isReachable(
  address: string,
  port: number,
  timeoutMs: number,
  signal: AbortSignal,
  greeting?: string,
): Promise<boolean> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve(false);
      return;
    }
    const socket = connect({ host: address, port });
    const finish = (answered: boolean): void => {
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      resolve(answered);
    };
    const onAbort = (): void => {
      finish(false);
    };
    signal.addEventListener('abort', onAbort);
    socket.unref();
    socket.setTimeout(timeoutMs, onAbort);
    socket.once('connect', () => {
      if (greeting === undefined) finish(true);
      else socket.write(greeting);
    });
    socket.once('data', () => {
      finish(true);
    });
    socket.once('end', onAbort);
    // Stays on: an error after destroy() must not be an uncaught one.
    socket.on('error', onAbort);
  });
}

export interface ReachabilityTarget {
  /** IP addresses: a name would be looked up once a second, in a pool of four threads that all cameras share. */
  readonly addresses: readonly string[];
  readonly port: number;
  /** What the camera has to answer, if accepting a connection does not tell enough. */
  readonly greeting?: string;
  /** While this returns true there is no knock: a connection to the camera is being closed, and it may allow only one. */
  readonly isBusy?: () => boolean;
}

/** A request that every RTSP server answers, whatever its state and without a password (RFC 2326, section 10.1). */
export const RTSP_GREETING = 'OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: chrysproxy\r\n\r\n';

const INTERVAL_MS = 1000;
const TIMEOUT_MS = 1000;

/**
 * Finds out within about a second that a camera is back, however long the back-off has become: one TCP connect at a
 * time, about once a second, is nothing to a camera, whereas a whole attempt to open its stream is.
 */
export class ReachabilityProbe {
  private stopper: AbortController | undefined;

  constructor(
    private readonly intervalMs = INTERVAL_MS,
    private readonly timeoutMs = TIMEOUT_MS,
  ) {}

  /**
   * Calls `onBack` once when the camera accepts a connection after it had not.
   * `seenAway` says that it is known not to; otherwise a first knock that is answered ends it silently.
   */
  start(target: ReachabilityTarget, seenAway: boolean, onBack: () => void): void {
    this.stop();
    if (target.addresses.length === 0) return;
    const stopper = new AbortController();
    this.stopper = stopper;
    void this.run(target, seenAway, stopper.signal).then((back) => {
      if (this.stopper === stopper) this.stopper = undefined;
      if (back && !stopper.signal.aborted) onBack();
    });
  }

  stop(): void {
    this.stopper?.abort();
    this.stopper = undefined;
  }

  private async run(target: ReachabilityTarget, seenAway: boolean, signal: AbortSignal): Promise<boolean> {
    let away = seenAway;
    if (away) await this.pause(signal);
    while (!signal.aborted) {
      if (target.isBusy?.() === true) {
        await this.pause(signal);
        continue;
      }
      if (await this.answered(target, signal)) return away;
      away = true;
      await this.pause(signal);
    }
    return false;
  }

  private async answered(target: ReachabilityTarget, signal: AbortSignal): Promise<boolean> {
    for (const address of target.addresses) {
      if (await isReachable(address, target.port, this.timeoutMs, signal, target.greeting)) return true;
    }
    return false;
  }

  private pause(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) {
        resolve();
        return;
      }
      const finish = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', finish);
        resolve();
      };
      const timer = setTimeout(finish, this.intervalMs);
      timer.unref();
      signal.addEventListener('abort', finish);
    });
  }
}
