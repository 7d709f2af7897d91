import type { StreamProcess } from '../rest/stream-process.js';
import { messageOf } from '../base/errors.js';
import { redactUrl } from '../base/redact.js';
import { CliError, EXIT, exitCodeOfStatus } from './exit-codes.js';

const DEFAULT_URL = 'http://127.0.0.1:8080';
/** Longer than the proxy itself waits for a frame. */
const TIMEOUT_MS = 20_000;

/** What `camera add` sends. */
export interface CameraBody {
  readonly name: string;
  readonly rtsp_endpoint: string;
  readonly rtmp_endpoint?: string;
  readonly transport?: string;
  readonly open_timeout_ms?: number;
  readonly stall_timeout_ms?: number;
  readonly decoder_threads?: number;
}

/** A running proxy, by its REST interface. Every method throws CliError. */
export class ProxyClient {
  readonly #base: string;

  constructor(url: string | undefined) {
    const base = (url === undefined || url === '' ? DEFAULT_URL : url).replace(/\/+$/, '');
    if (!/^https?:\/\//i.test(base) || !URL.canParse(base)) {
      const text = `${redactUrl(base)} is not the address of a proxy; it looks like ${DEFAULT_URL}.`;
      throw new CliError(EXIT.usage, text);
    }
    this.#base = base;
  }

  async add(body: CameraBody): Promise<void> {
    await this.#call('POST', 'process', body);
  }

  async list(): Promise<StreamProcess[]> {
    return (await this.#json('processlist')) as StreamProcess[];
  }

  async show(name: string): Promise<StreamProcess> {
    return (await this.#json(`process/${encodeURIComponent(name)}`)) as StreamProcess;
  }

  async remove(name: string): Promise<void> {
    await this.#call('DELETE', `process/${encodeURIComponent(name)}`);
  }

  /** A JPEG file. */
  async snapshot(name: string, width: string | undefined): Promise<Uint8Array> {
    const query = width === undefined ? '' : `?width=${encodeURIComponent(width)}`;
    const response = await this.#call('GET', `process/${encodeURIComponent(name)}/snapshot.jpg${query}`);
    return new Uint8Array(await response.arrayBuffer());
  }

  async #json(route: string): Promise<unknown> {
    const response = await this.#call('GET', route);
    try {
      return await response.json();
    } catch (error) {
      throw this.#isNoProxy(error);
    }
  }

  async #call(method: string, route: string, body?: CameraBody): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(`${this.#base}/api/v1/${route}`, {
        method,
        redirect: 'error',
        signal: AbortSignal.timeout(TIMEOUT_MS),
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      });
    } catch (error) {
      throw this.#unreachable(error);
    }
    if (!response.ok) {
      throw await this.#refusal(response);
    }
    return response;
  }

  async #refusal(response: Response): Promise<CliError> {
    const answer: unknown = await response.json().catch(() => undefined);
    if (typeof answer === 'object' && answer !== null && 'message' in answer && typeof answer.message === 'string') {
      return new CliError(exitCodeOfStatus(response.status), answer.message);
    }
    return this.#isNoProxy(undefined);
  }

  #isNoProxy(cause: unknown): CliError {
    const text = `What answers at ${redactUrl(this.#base)} is not chrysproxy: give the address of its REST port with --url.`;
    return new CliError(EXIT.noProxy, text, { cause });
  }

  #unreachable(error: unknown): CliError {
    const base = redactUrl(this.#base);
    if (error instanceof Error && error.name === 'TimeoutError') {
      const text = `The proxy at ${base} did not answer within ${TIMEOUT_MS / 1000} s.`;
      return new CliError(EXIT.noProxy, text, { cause: error });
    }
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    // Several addresses of one name were tried: the messages are in `errors`, and its own is empty.
    const detail = cause instanceof AggregateError ? cause.errors.map(messageOf).join(', ') : messageOf(cause);
    return new CliError(
      EXIT.noProxy,
      `No proxy answers at ${base} (${detail}): start it with "chrysproxy start", or give its address with --url.`,
      { cause: error },
    );
  }
}
