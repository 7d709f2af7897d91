import { createClient } from 'redis';

import { messageOf } from '../base/errors.js';

export interface RedisOptions {
  /** "host:port", an IPv6 address in brackets. */
  readonly connection: string;
  readonly database: number;
  /** '' = none. */
  readonly password: string;
}

export interface RedisListener {
  /** It can be used now: again after each connection. */
  onConnected(): void;
  /** It cannot be used; a sentence that says why. Called once for each outage. */
  onOutage(why: string): void;
}

const CONNECT_TIMEOUT_MS = 5000;
/** A Redis that takes longer for an answer is away. */
const COMMAND_TIMEOUT_MS = 5000;
const PING_EVERY_MS = 5000;
const MOST_COMMANDS_WAITING = 10_000;
const RETRY_MS = [100, 500, 1000, 2000, 5000];

function newClient({ connection, database, password }: RedisOptions) {
  const { hostname, port } = new URL(`redis://${connection}`);
  return createClient({
    socket: {
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port),
      connectTimeout: CONNECT_TIMEOUT_MS,
      reconnectStrategy: (retries) => RETRY_MS[Math.min(retries, RETRY_MS.length - 1)] ?? 0,
    },
    database,
    ...(password === '' ? {} : { password }),
    // What cannot be sent at once is for the caller to keep.
    disableOfflineQueue: true,
    commandsQueueMaxLength: MOST_COMMANDS_WAITING,
    commandOptions: { timeout: COMMAND_TIMEOUT_MS },
    pingInterval: PING_EVERY_MS,
  });
}

export type RedisClient = ReturnType<typeof newClient>;

/** A connection to Redis that comes back by itself for ever. Commands fail while it is away, and within seconds. */
export class RedisLink {
  readonly client: RedisClient;
  private reason = 'Redis is not connected yet.';

  constructor(
    private readonly options: RedisOptions,
    private readonly listener: RedisListener,
  ) {
    this.client = newClient(options);
    this.client.on('ready', () => {
      this.reason = '';
      listener.onConnected();
    });
    this.client.on('error', (error: unknown) => {
      this.away(messageOf(error));
    });
    this.client.connect().catch((error: unknown) => {
      this.away(messageOf(error));
    });
  }

  /** Why it cannot be used, as a sentence; '' = it can. */
  get outage(): string {
    return this.reason;
  }

  close(): void {
    this.client.destroy();
  }

  private away(why: string): void {
    const wasKnown = this.reason !== '';
    this.reason = `Redis at ${this.options.connection} is away: ${why}.`;
    if (!wasKnown) this.listener.onOutage(this.reason);
  }
}
