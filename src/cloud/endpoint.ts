import { Agent as HttpAgent, request as requestHttp, type ClientRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { messageOf } from '../base/errors.js';
import { redact, redactUrl } from '../base/redact.js';

export interface EndpointAnswer {
  readonly status: number;
  /** The beginning of the body in one line, masked. */
  readonly text: string;
  /** `Location`, masked; '' = none. */
  readonly location: string;
  /** `Retry-After`; 0 = none. */
  readonly retryAfterMs: number;
  /** `Date`, milliseconds since the epoch; undefined: none. */
  readonly dateMs: number | undefined;
}

export type EndpointFailure = 'unknown_host' | 'refused' | 'unreachable' | 'timeout' | 'tls' | 'broken_off';

/** The endpoint gave no complete answer. The message is for people. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';

  constructor(
    readonly failure: EndpointFailure,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

type Method = 'POST' | 'PUT';
type Headers = Readonly<Record<string, string>>;

const CONNECT_MS = 10_000;
/** The rest of a longer body is not read. */
const MAX_READ_BYTES = 64 * 1024;
const SHOWN_CHARACTERS = 200;
/** Idle connections are closed after this time, because servers close them after 5 s or more. */
const IDLE_MS = 4000;
const MAX_RETRY_AFTER_MS = 10 * 60_000;

/**
 * The receiver of signed requests. Redirects are not followed. Timeouts are 10 s for connecting and `timeoutMs` for the
 * whole attempt. This is not `fetch`, which has no timeout for connecting and refuses ports that browsers block.
 */
export class Endpoint {
  private readonly url: URL;
  private readonly agent: HttpAgent;

  constructor(
    url: string,
    private readonly timeoutMs: number,
  ) {
    this.url = new URL(url);
    const options = { keepAlive: true, timeout: IDLE_MS };
    this.agent = this.isTls ? new HttpsAgent(options) : new HttpAgent(options);
  }

  /** The URL with its password masked. */
  get shownUrl(): string {
    return redactUrl(this.url.href);
  }

  /** The body is JSON unless `headers` say otherwise. Throws NoAnswer, also when `signal` is aborted. */
  async post(body: Buffer, headers: Headers, signal: AbortSignal): Promise<EndpointAnswer> {
    return await this.send('POST', body, headers, signal);
  }

  /** Like `post`. */
  async put(body: Buffer, headers: Headers, signal: AbortSignal): Promise<EndpointAnswer> {
    return await this.send('PUT', body, headers, signal);
  }

  close(): void {
    this.agent.destroy();
  }

  private get isTls(): boolean {
    return this.url.protocol === 'https:';
  }

  private async send(method: Method, body: Buffer, headers: Headers, signal: AbortSignal): Promise<EndpointAnswer> {
    try {
      return await this.attempt(method, body, headers, signal, this.agent);
    } catch (error) {
      if (!(error instanceof StaleConnection)) throw error;
      return await this.attempt(method, body, headers, signal, false);
    }
  }

  private attempt(
    method: Method,
    body: Buffer,
    headers: Headers,
    signal: AbortSignal,
    agent: HttpAgent | false,
  ): Promise<EndpointAnswer> {
    const request = (this.isTls ? requestHttps : requestHttp)(this.url, {
      method,
      agent,
      signal,
      headers: { 'Content-Type': 'application/json', ...headers, 'Content-Length': String(body.length) },
    });
    return new Promise((resolve, reject) => {
      const connecting = startTimeout(request, Math.min(CONNECT_MS, this.timeoutMs), 'there was no connection');
      const whole = startTimeout(request, this.timeoutMs, 'there was no complete answer');
      const settled = (): void => {
        clearTimeout(connecting);
        clearTimeout(whole);
      };
      const fail = (error: unknown): void => {
        settled();
        reject(errorOf(error, request.reusedSocket));
      };
      request.once('socket', (socket) => {
        const connected = (): void => {
          clearTimeout(connecting);
        };
        if (!socket.connecting) connected();
        else socket.once(this.isTls ? 'secureConnect' : 'connect', connected);
      });
      request.on('error', fail);
      request.once('response', (response) => {
        readBeginning(response).then((text) => {
          settled();
          resolve(answerOf(response, text));
        }, fail);
      });
      request.end(body);
    });
  }
}

/** The server had closed the idle connection that we reused. */
class StaleConnection extends Error {}

class Timeout extends Error {}

function startTimeout(request: ClientRequest, afterMs: number, problem: string): NodeJS.Timeout {
  return setTimeout(() => request.destroy(new Timeout(`${problem} within ${afterMs / 1000} s`)), afterMs);
}

/** Resolves with the first SHOWN_CHARACTERS. A body that is longer than MAX_READ_BYTES counts as complete. */
async function readBeginning(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let total = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    total += chunk.length;
    if (total > MAX_READ_BYTES) break;
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks)
    .toString('utf8')
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .trim();
  return redact(text.slice(0, SHOWN_CHARACTERS));
}

function answerOf({ statusCode = 0, headers }: IncomingMessage, text: string): EndpointAnswer {
  const dateMs = Date.parse(headers.date ?? '');
  return {
    status: statusCode,
    text,
    location: redactUrl(headers.location ?? '').slice(0, SHOWN_CHARACTERS),
    retryAfterMs: retryAfterMs(headers['retry-after'], dateMs),
    dateMs: Number.isNaN(dateMs) ? undefined : dateMs,
  };
}

/** RFC 9110, 10.2.3: seconds, or a date, which is compared with the server's `Date`. */
function retryAfterMs(value: string | undefined, dateMs: number): number {
  const text = value ?? '';
  const nowMs = Number.isNaN(dateMs) ? Date.now() : dateMs;
  const afterMs = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  return Number.isNaN(afterMs) ? 0 : Math.min(Math.max(0, afterMs), MAX_RETRY_AFTER_MS);
}

const FAILURES: Readonly<Record<string, EndpointFailure>> = {
  ENOTFOUND: 'unknown_host',
  EAI_AGAIN: 'unknown_host',
  ECONNREFUSED: 'refused',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  ETIMEDOUT: 'timeout',
};
const TLS_CODE = /^(?:CERT_|ERR_TLS_|ERR_SSL_|EPROTO|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH)/;

const FAILURE_TEXTS: Readonly<Record<EndpointFailure, string>> = {
  unknown_host: 'its host name does not resolve',
  refused: 'nothing listens on its port',
  unreachable: 'there is no route to it',
  timeout: 'it is too slow',
  tls: 'a secure connection is not possible',
  broken_off: 'the connection broke off',
};

function errorOf(thrown: unknown, reused: boolean): Error {
  // Thrown when all addresses of a name failed.
  const error: unknown = thrown instanceof AggregateError ? (thrown.errors[0] ?? thrown) : thrown;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (reused && (code === 'ECONNRESET' || code === 'EPIPE')) return new StaleConnection(code, { cause: error });
  const failure =
    error instanceof Timeout ? 'timeout' : (FAILURES[code] ?? (TLS_CODE.test(code) ? 'tls' : 'broken_off'));
  return new NoAnswer(failure, `${FAILURE_TEXTS[failure]} (${redact(messageOf(error))})`, { cause: error });
}
