import type { StreamProcess } from '../rest/routes/stream-process.js';
import { messageOf } from '../base/errors.js';
import { redactUrl } from '../base/redact.js';
import type { ClientTls } from './client-tls.js';
import { CliError, EXIT, exitCodeOfStatus } from './exit-codes.js';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { exchange, openDownload, type HttpAnswer } from './http.js';

const DEFAULT_URL = 'http://127.0.0.1:8080';
/** Longer than the proxy itself waits for a frame. */
const TIMEOUT_MS = 20_000;
/** The proxy may ask the cloud, twice, for 10 s each. */
const CHANGE_TIMEOUT_MS = 30_000;
/** Added to a probe's own timeout: it may wait until earlier connections to the camera are closed, and closes its own. */
const PROBE_MARGIN_MS = 15_000;
/** A download goes on for as long as something comes. */
const DOWNLOAD_IDLE_MS = 60_000;

/** What a camera replays; milliseconds since the epoch. */
interface ReplayBody {
  readonly camera: string;
  readonly from: number;
  readonly to: number;
  readonly speed?: number;
  readonly loop?: boolean;
}

/** What `camera add` sends. */
export interface CameraBody {
  readonly name: string;
  /** Left out of a replay. */
  readonly rtsp_endpoint?: string;
  readonly replay?: ReplayBody;
  readonly rtmp_endpoint?: string;
  readonly transport?: string;
  readonly tls_verify?: string;
  readonly max_pixels?: number;
  readonly open_timeout_ms?: number;
  readonly stall_timeout_ms?: number;
  readonly decoder_threads?: number;
  readonly record?: boolean;
  readonly record_audio?: boolean;
}

/** What `camera record`, `passthrough` and `storage` send. */
export interface CameraChanges {
  /** null = as the configuration says. */
  readonly record?: boolean | null;
  readonly record_audio?: boolean;
  readonly passthrough?: boolean;
  readonly storage?: boolean;
}

/** What `probe` sends. */
export interface ProbeBody {
  readonly rtsp_endpoint: string;
  readonly transport: string;
  readonly tls_verify: string;
  readonly timeout_ms: number;
}

/** What POST /api/v1/probe answers. */
export interface ProbeAnswer {
  readonly codec: string;
  readonly profile: string;
  readonly width: number;
  readonly height: number;
  readonly pixel_format: string;
  readonly fps: number;
  readonly gop_packets: number;
  readonly bitrate_kbps: number;
  readonly transport: 'tcp' | 'udp' | 'multicast';
  readonly open_ms: number;
  /** The running camera that answered for its own stream. */
  readonly camera: string | null;
}

/** What GET /api/v1/info tells. */
export interface ProxyInfo {
  readonly version: string;
  /** Null while gRPC does not listen. */
  readonly grpc_port: number | null;
  /** The proxy's clock, milliseconds since the epoch. */
  readonly time: number;
}

/** Without `logs` they are empty, and the proxy has less to do. */
interface ShowOptions {
  readonly logs?: boolean;
}

/** A running proxy, by its REST interface. Every method throws CliError. */
export class ProxyClient {
  readonly #base: string;

  constructor(
    url: string | undefined,
    private readonly tls: ClientTls = {},
  ) {
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

  async list({ logs = true }: ShowOptions = {}): Promise<StreamProcess[]> {
    return (await this.ask('GET', `processlist?logs=${logs}`)) as StreamProcess[];
  }

  async show(name: string, { logs = true }: ShowOptions = {}): Promise<StreamProcess> {
    return (await this.ask('GET', `process/${encodeURIComponent(name)}?logs=${logs}`)) as StreamProcess;
  }

  async change(name: string, changes: CameraChanges): Promise<StreamProcess> {
    return (await this.ask(
      'PATCH',
      `process/${encodeURIComponent(name)}`,
      changes,
      CHANGE_TIMEOUT_MS,
    )) as StreamProcess;
  }

  /** Connects at once to a camera whose next attempt would be later. */
  async retry(name: string, forget: boolean): Promise<StreamProcess> {
    return (await this.ask('POST', `process/${encodeURIComponent(name)}/retry`, { forget })) as StreamProcess;
  }

  async probe(body: ProbeBody): Promise<ProbeAnswer> {
    return (await this.ask('POST', 'probe', body, body.timeout_ms + PROBE_MARGIN_MS)) as ProbeAnswer;
  }

  async info(): Promise<ProxyInfo> {
    return (await this.ask('GET', 'info')) as ProxyInfo;
  }

  /** For its gRPC interface; undefined: that is plaintext, as REST is. */
  get grpcTls(): ClientTls | undefined {
    return /^https:/i.test(this.#base) ? this.tls : undefined;
  }

  /** `host:port` of its gRPC interface, which is on the same host as REST. */
  async grpcAddress(): Promise<string> {
    const { grpc_port: port } = await this.info();
    if (port === null) {
      throw new CliError(
        EXIT.noProxy,
        'The proxy is starting, and its gRPC does not listen yet: try again in a moment.',
      );
    }
    return `${new URL(this.#base).hostname}:${port}`;
  }

  async remove(name: string): Promise<void> {
    await this.#call('DELETE', `process/${encodeURIComponent(name)}`);
  }

  /** A JPEG file. */
  async snapshot(name: string, width: string | undefined): Promise<Uint8Array> {
    const query = width === undefined ? '' : `?width=${encodeURIComponent(width)}`;
    return await this.#call('GET', `process/${encodeURIComponent(name)}/snapshot.jpg${query}`);
  }

  /** What a route below /api/v1 answers, as JSON. */
  async ask(method: string, route: string, body?: object, timeoutMs = TIMEOUT_MS): Promise<unknown> {
    const answer = parsed(await this.#call(method, route, body, timeoutMs));
    if (answer === undefined) {
      throw this.#isNoProxy();
    }
    return answer;
  }

  /** The same without an answer to read. */
  async tell(method: string, route: string): Promise<void> {
    await this.#call(method, route);
  }

  /** What a route below /api/v1 answers, as it comes; it fails when it breaks off, and when `signal` is aborted. */
  async download(route: string, signal: AbortSignal): Promise<Readable> {
    const url = `${this.#base}/api/v1/${route}`;
    const response = await openDownload(url, signal, DOWNLOAD_IDLE_MS, this.tls).catch((error: unknown) => {
      throw signal.aborted ? error : this.#unreachable(error);
    });
    const status = response.statusCode ?? 0;
    if (isGood(status)) {
      return response;
    }
    throw this.#refusal({ status, body: await buffer(response) });
  }

  async #call(method: string, route: string, body?: object, timeoutMs = TIMEOUT_MS): Promise<Buffer> {
    let answer: HttpAnswer;
    try {
      answer = await exchange(method, `${this.#base}/api/v1/${route}`, body, timeoutMs, this.tls);
    } catch (error) {
      throw this.#unreachable(error);
    }
    if (isGood(answer.status)) {
      return answer.body;
    }
    throw this.#refusal(answer);
  }

  #refusal({ status, body }: HttpAnswer): CliError {
    const refusal = parsed(body);
    if (typeof refusal === 'object' && refusal !== null && 'message' in refusal) {
      return new CliError(exitCodeOfStatus(status), String(refusal.message));
    }
    return this.#isNoProxy();
  }

  #isNoProxy(): CliError {
    const text = `What answers at ${redactUrl(this.#base)} is not chrysproxy: give the address of its REST port with --url.`;
    return new CliError(EXIT.noProxy, text);
  }

  #unreachable(error: unknown): CliError {
    const base = redactUrl(this.#base);
    if (error instanceof Error && error.name === 'AbortError') {
      const text = `The proxy at ${base} did not answer in time.`;
      return new CliError(EXIT.noProxy, text, { cause: error });
    }
    // Several addresses of one name were tried: the messages are in `errors`, and its own is empty.
    const detail = error instanceof AggregateError ? error.errors.map(messageOf).join(', ') : messageOf(error);
    const code = (error as NodeJS.ErrnoException).code ?? '';
    return new CliError(EXIT.noProxy, `No proxy answers at ${base} (${detail}): ${adviceFor(code)}.`, {
      cause: error,
    });
  }
}

/** What to do after a connection came to nothing. */
function adviceFor(code: string): string {
  if (/^(?:UNABLE_TO|DEPTH_ZERO|SELF_SIGNED|CERT_)/.test(code)) {
    return 'its certificate is not trusted; name its CA, or the certificate itself, with --ca';
  }
  if (code.startsWith('ERR_TLS_CERT_ALTNAME'))
    return 'its certificate is for another host name; use that one with --url';
  if (/^ERR_SSL_|^EPROTO/.test(code)) {
    return 'it speaks TLS or does not, and may want a certificate: look at http:// or https:// of --url, and at --cert';
  }
  if (code === 'ECONNRESET') return 'if it speaks TLS, give an https:// address with --url';
  return 'start it with "chrysproxy start", or give its address with --url';
}

function isGood(status: number): boolean {
  return status >= 200 && status < 300;
}

/** Undefined for what is not JSON. */
function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
