/** The sessions of a camera. They outlive connections, and end by TEARDOWN or when they are not kept alive. */
import { randomInt } from 'node:crypto';
import type { Counters } from './counters.js';
import type { SessionOptions } from './options.js';
import type { Track } from './sdp.js';

const LOOK_EVERY_MS = 100;
const DEFAULT_TIMEOUT_S = 60;

export interface TrackSink {
  readonly send: (packet: Buffer, rtcp: boolean) => void;
  readonly close: () => void;
}

export class Session {
  readonly id = String(randomInt(10_000_000, 99_999_999));
  readonly sinks = new Map<Track, TrackSink>();
  lastSignMs = performance.now();
  playing = false;
  /** Ends streams and floods. */
  readonly stops: (() => void)[] = [];
  /** Closes the connection that plays the session. */
  hangUp: () => void = () => undefined;

  stop(): void {
    for (const stop of this.stops.splice(0)) stop();
    for (const { close } of this.sinks.values()) close();
    this.sinks.clear();
    this.playing = false;
  }
}

export class Sessions {
  readonly #sessions = new Map<string, Session>();

  constructor(
    private readonly counters: Counters,
    private readonly options: () => SessionOptions,
  ) {
    setInterval(() => {
      this.#expire();
    }, LOOK_EVERY_MS);
  }

  get count(): number {
    return this.#sessions.size;
  }

  /** Returns undefined when the maximum number of sessions is reached. */
  open(): Session | undefined {
    if (this.count >= (this.options().max ?? Infinity)) return undefined;
    const session = new Session();
    this.#sessions.set(session.id, session);
    return session;
  }

  find(id: string): Session | undefined {
    return this.#sessions.get(id);
  }

  end(session: Session): void {
    session.stop();
    this.#sessions.delete(session.id);
  }

  endAll(): void {
    for (const session of this.#sessions.values()) {
      this.end(session);
      session.hangUp();
    }
  }

  #expire(): void {
    const limitMs = (this.options().timeoutS ?? DEFAULT_TIMEOUT_S) * 1000;
    for (const session of this.#sessions.values()) {
      if (performance.now() - session.lastSignMs < limitMs) continue;
      this.counters.expired += 1;
      this.end(session);
      session.hangUp();
    }
  }
}
