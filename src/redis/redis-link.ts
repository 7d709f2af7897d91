import { createClient } from 'redis';

import type { Clock } from '../base/clock.js';
import { RetryLadder } from '../base/retry-ladder.js';
import { within } from '../base/within.js';
import { messageOf } from '../base/errors.js';

export interface RedisOptions {
  /** "host:port", an IPv6 address in brackets. */
  readonly connection: string;
  readonly database: number;
  /** '' = none. */
  readonly password: string;
  /** Shown by CLIENT LIST. Default "chrysproxy". */
  readonly name?: string;
  /** A Redis that answers nothing for so long is away. Default 5 s; longer where large values are on the way. */
  readonly answerWithinMs?: number;
}

export interface RedisListener {
  /** It can be used now: again after each connection. */
  onConnected(): void;
  /** It cannot be used; a sentence that says why. Called once for each outage. */
  onOutage(why: string): void;
}

const CONNECT_TIMEOUT_MS = 5000;
const ANSWER_WITHIN_MS = 5000;
/** A connection whose other end froze looks like any other, so it is asked. */
const PING_EVERY_MS = 2000;
const MAX_COMMANDS_WAITING = 10_000;
const RETRY_MS = [100, 500, 1000, 2000, 5000] as const;
/** What only an operator can mend. */
const REFUSED_RETRY_MS = 15_000;

function newClient({ connection, database, password, name = 'chrysproxy' }: RedisOptions) {
  const { hostname, port } = new URL(`redis://${connection}`);
  return createClient({
    socket: {
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port),
      connectTimeout: CONNECT_TIMEOUT_MS,
      // The library waits for ever for the answers of a frozen server; each attempt is ours, with a client of its own.
      reconnectStrategy: false,
    },
    name,
    database,
    ...(password === '' ? {} : { password }),
    // What cannot be sent at once is for the caller to keep.
    disableOfflineQueue: true,
    commandsQueueMaxLength: MAX_COMMANDS_WAITING,
  });
}

export type RedisClient = ReturnType<typeof newClient>;

/**
 * A connection to Redis that comes back by itself for ever. Commands fail while it is away, and those that are under way
 * when it freezes fail within `answerWithinMs` and two seconds.
 */
export class RedisLink {
  private current: RedisClient;
  /** The same until it failed. */
  private live: RedisClient | undefined;
  private reason: string;
  private told = false;
  private readonly retries = new RetryLadder({ stepsMs: RETRY_MS });
  private closed = false;
  private cancelTimer: (() => void) | undefined;

  constructor(
    private readonly options: RedisOptions,
    private readonly listener: RedisListener,
    private readonly clock: Clock,
  ) {
    this.reason = `Redis at ${options.connection} is not connected yet.`;
    this.current = this.attempt();
  }

  /** Another one after each outage. */
  get client(): RedisClient {
    return this.current;
  }

  /** Why it cannot be used, as a sentence; '' = it can. */
  get outage(): string {
    return this.reason;
  }

  close(): void {
    this.closed = true;
    this.cancelTimer?.();
    this.current.destroy();
  }

  private attempt(): RedisClient {
    const client = newClient(this.options);
    client.on('error', (error: unknown) => {
      this.lost(client, error);
    });
    this.live = client;
    void this.open(client);
    return client;
  }

  private async open(client: RedisClient): Promise<void> {
    try {
      // Whatever is asked of it on the way: a frozen server still accepts connections.
      await this.inTime(client.connect());
      // One that is loading its data accepts everything but work.
      await this.inTime(client.ping());
    } catch (error) {
      this.lost(client, error);
      return;
    }
    if (this.closed || client !== this.live) return;
    this.retries.reset();
    this.reason = '';
    this.told = false;
    this.pingLater(client);
    this.listener.onConnected();
  }

  private pingLater(client: RedisClient): void {
    this.cancelTimer = this.clock.after(PING_EVERY_MS, () => {
      this.inTime(client.ping()).then(
        () => {
          if (!this.closed && client === this.live) this.pingLater(client);
        },
        (error: unknown) => {
          this.lost(client, error);
        },
      );
    });
  }

  private async inTime<T>(answer: Promise<T>): Promise<T> {
    const { answerWithinMs = ANSWER_WITHIN_MS } = this.options;
    return await within(answer, answerWithinMs, this.clock, () => {
      throw new Error(`it has not answered for ${answerWithinMs / 1000} s`);
    });
  }

  /** This client is of no use any more; another one is made after a while. */
  private lost(client: RedisClient, error: unknown): void {
    if (this.closed || client !== this.live) return;
    this.live = undefined;
    this.cancelTimer?.();
    // Fails what is under way.
    client.destroy();
    const { sentence, isRefusal } = explained(error, this.options);
    this.reason = sentence;
    const retryMs = this.retries.fail();
    this.cancelTimer = this.clock.after(isRefusal ? REFUSED_RETRY_MS : retryMs, () => {
      this.current = this.attempt();
    });
    if (this.told) return;
    this.told = true;
    this.listener.onOutage(this.reason);
  }
}

/** `isRefusal`: it answers, and only an operator can change what. */
function explained(error: unknown, { connection, database }: RedisOptions): { sentence: string; isRefusal: boolean } {
  const why = messageOf(error);
  const refuses = (what: string): { sentence: string; isRefusal: boolean } => ({
    sentence: `Redis at ${connection} ${what} (it says: ${why}).`,
    isRefusal: true,
  });
  if (why.startsWith('WRONGPASS'))
    return refuses('refuses redis.password: set the right one and start the proxy again');
  if (why.startsWith('NOAUTH')) return refuses('wants a password: set redis.password and start the proxy again');
  if (why.startsWith('NOPERM')) return refuses('does not let this user do what is needed: change its rights');
  if (/DB index|SELECT is not allowed/i.test(why)) return refuses(`has no database ${database}: change redis.database`);
  return { sentence: `Redis at ${connection} is away: ${why.replace(/\.$/, '')}.`, isRefusal: false };
}
