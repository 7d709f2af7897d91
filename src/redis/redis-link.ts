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
  /** Timeout of an answer; after it, Redis counts as away. Default 5000; longer for links with large values. */
  readonly answerWithinMs?: number;
}

export interface RedisListener {
  /** Commands can be sent now. Called after each new connection. */
  onConnected(): void;
  /** Redis is away; `why` is a sentence. Called once for each outage. */
  onOutage(why: string): void;
}

const CONNECT_TIMEOUT_MS = 5000;
const ANSWER_WITHIN_MS = 5000;
/** A ping notices a frozen server, whose connection stays open. */
const PING_EVERY_MS = 2000;
const MAX_COMMANDS_WAITING = 10_000;
const RETRY_MS = [100, 500, 1000, 2000, 5000] as const;
/** Delay after a refusal, which only an operator can resolve. */
const REFUSED_RETRY_MS = 15_000;

function newClient({ connection, database, password, name = 'chrysproxy' }: RedisOptions) {
  const { hostname, port } = new URL(`redis://${connection}`);
  return createClient({
    socket: {
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port),
      connectTimeout: CONNECT_TIMEOUT_MS,
      // The library would wait forever for a frozen server. RedisLink connects again itself, with a new client each time.
      reconnectStrategy: false,
    },
    name,
    database,
    ...(password === '' ? {} : { password }),
    // Callers keep the data that cannot be sent at once.
    disableOfflineQueue: true,
    commandsQueueMaxLength: MAX_COMMANDS_WAITING,
  });
}

export type RedisClient = ReturnType<typeof newClient>;

/**
 * A connection to Redis that is opened again after each outage. Commands fail while Redis is away. When Redis freezes, sent
 * commands fail after at most `answerWithinMs` and two seconds.
 */
export class RedisLink {
  private current: RedisClient;
  /** The current client; undefined after it has failed. */
  private active: RedisClient | undefined;
  private reason: string;
  private reported = false;
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

  /** The current client. There is a new client after each outage. */
  get client(): RedisClient {
    return this.current;
  }

  /** Why Redis is away, as a sentence; '' = connected. */
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
      this.connectionLost(client, error);
    });
    this.active = client;
    void this.open(client);
    return client;
  }

  private async open(client: RedisClient): Promise<void> {
    try {
      // A frozen server still accepts connections, so the connection needs a timeout, too.
      await this.inTime(client.connect());
      // A server that loads its data accepts the connection and refuses commands.
      await this.inTime(client.ping());
    } catch (error) {
      this.connectionLost(client, error);
      return;
    }
    if (this.closed || client !== this.active) return;
    this.retries.reset();
    this.reason = '';
    this.reported = false;
    this.pingLater(client);
    this.listener.onConnected();
  }

  private pingLater(client: RedisClient): void {
    this.cancelTimer = this.clock.after(PING_EVERY_MS, () => {
      this.inTime(client.ping()).then(
        () => {
          if (!this.closed && client === this.active) this.pingLater(client);
        },
        (error: unknown) => {
          this.connectionLost(client, error);
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

  /** Ends a client that has failed. A new client is made after a delay. */
  private connectionLost(client: RedisClient, error: unknown): void {
    if (this.closed || client !== this.active) return;
    this.active = undefined;
    this.cancelTimer?.();
    // Fails the commands that wait for an answer.
    client.destroy();
    const { sentence, isRefusal } = outageOf(error, this.options);
    this.reason = sentence;
    const retryMs = this.retries.fail();
    this.cancelTimer = this.clock.after(isRefusal ? REFUSED_RETRY_MS : retryMs, () => {
      this.current = this.attempt();
    });
    if (this.reported) return;
    this.reported = true;
    this.listener.onOutage(this.reason);
  }
}

/** `isRefusal`: Redis answers with an error that only an operator can resolve. */
function outageOf(error: unknown, { connection, database }: RedisOptions): { sentence: string; isRefusal: boolean } {
  const why = messageOf(error);
  const refuses = (problem: string): { sentence: string; isRefusal: boolean } => ({
    sentence: `Redis at ${connection} ${problem} (Redis answers: ${why}).`,
    isRefusal: true,
  });
  if (why.startsWith('WRONGPASS'))
    return refuses('refuses redis.password: set the correct password and start the proxy again');
  if (why.startsWith('NOAUTH')) return refuses('requires a password: set redis.password and start the proxy again');
  if (why.startsWith('NOPERM')) return refuses('does not give this user the necessary rights: grant them');
  if (/DB index|SELECT is not allowed/i.test(why)) return refuses(`has no database ${database}: change redis.database`);
  return { sentence: `Redis at ${connection} is away: ${why.replace(/\.$/, '')}.`, isRefusal: false };
}
