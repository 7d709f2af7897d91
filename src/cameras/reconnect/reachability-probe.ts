import { connect } from 'node:net';

import type { Clock } from '../../base/clock.js';

/**
 * Whether `address` accepts a TCP connection. With `greeting`, it must also answer that text with any data, because the kernel
 * accepts connections even for a frozen process. The connection is closed at once.
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
    // This listener stays, so that an error after destroy() is not an uncaught one.
    socket.on('error', onAbort);
  });
}

export interface ReachabilityTarget {
  /** IP addresses and no names, because a lookup takes one of four threads that the whole process shares. */
  readonly addresses: readonly string[];
  readonly port: number;
  /** The camera must answer this text; undefined: it must only accept the connection. */
  readonly greeting?: string;
  /** While this returns true, no probe is made: a connection to the camera is being closed, and the camera may allow only one. */
  readonly isBusy?: () => boolean;
}

/** A request that every RTSP server answers, whatever its state and without a password (RFC 2326, section 10.1). */
export const RTSP_GREETING = 'OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: chrysproxy\r\n\r\n';

const INTERVAL_MS = 1000;
const TIMEOUT_MS = 1000;

/**
 * Notices within about a second that a camera is back, independently of the back-off. One TCP connection a second is no load
 * for a camera, unlike an attempt to open its stream.
 */
export class ReachabilityProbe {
  private stopper: AbortController | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly answers: typeof isReachable = isReachable,
  ) {}

  /**
   * Calls `onBack` once, when the camera answers after it was away. `seenAway`: the camera is known to be away. If it is false
   * and the camera answers the first probe, the watch ends without a call.
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
      if (await this.answers(address, target.port, TIMEOUT_MS, signal, target.greeting)) return true;
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
        cancelTimer();
        signal.removeEventListener('abort', finish);
        resolve();
      };
      const cancelTimer = this.clock.after(INTERVAL_MS, finish);
      signal.addEventListener('abort', finish);
    });
  }
}
