/** Counters of a running camera. Tests get them as CameraCounts. */
import type { CameraCounts } from './options.js';

const MAX_LOG = 100;
const MAX_PICTURES_SENT = 2000;

export class Counters {
  connections = 0;
  plays = 0;
  teardowns = 0;
  withoutTeardown = 0;
  expired = 0;
  unauthorized = 0;
  wrongAnswers = 0;
  authorizations = 0;
  keepalives = 0;
  receiverReports = 0;
  earlyReports = 0;
  answers = 0;
  pictures = 0;
  connectMs = 0;
  openedUs = 0;
  requestsToPlay = 0;
  lastHead = '';
  #picturesSentUs: number[] = [];
  readonly #requests: Record<string, number> = {};
  readonly #setups: Record<string, number> = {};
  readonly #refused: Record<string, number> = {};
  readonly #log: { method: string; uri: string; userAgent: string }[] = [];

  request(method: string, uri: string, userAgent: string): void {
    this.#requests[method] = (this.#requests[method] ?? 0) + 1;
    this.#log.push({ method, uri, userAgent });
    if (this.#log.length > MAX_LOG) this.#log.shift();
  }

  setup(track: string): void {
    this.#setups[track] = (this.#setups[track] ?? 0) + 1;
  }

  refusal(status: number): void {
    this.#refused[status] = (this.#refused[status] ?? 0) + 1;
  }

  sessionBegins(): void {
    this.#picturesSentUs = [];
  }

  /** The last packet of a picture is sent next. */
  pictureEnds(): void {
    if (this.#picturesSentUs.length < MAX_PICTURES_SENT) this.#picturesSentUs.push(wallUs());
  }

  told(now: { readonly connections: number; readonly sessions: number }): CameraCounts {
    const { connections, plays, teardowns, withoutTeardown, expired, unauthorized, wrongAnswers } = this;
    const { authorizations, keepalives, receiverReports, earlyReports, answers, pictures } = this;
    const { connectMs, openedUs, requestsToPlay, lastHead } = this;
    return {
      ...{ connections, plays, teardowns, withoutTeardown, expired, unauthorized, wrongAnswers, authorizations },
      ...{
        keepalives,
        receiverReports,
        earlyReports,
        answers,
        pictures,
        connectMs,
        openedUs,
        requestsToPlay,
        lastHead,
      },
      picturesSentUs: [...this.#picturesSentUs],
      connectionsNow: now.connections,
      sessionsNow: now.sessions,
      requests: { ...this.#requests },
      setups: { ...this.#setups },
      refused: { ...this.#refused },
      log: [...this.#log],
    };
  }
}

export function wallUs(): number {
  return Math.round((performance.timeOrigin + performance.now()) * 1000);
}
