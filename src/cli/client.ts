import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { StreamProcess } from '../rest/route-table/stream-process.js';
import { redactUrl } from '../base/redact.js';
import type { ClientTls } from './client-tls.js';
import { jsonOf, notProxyError, refusalError, unreachableError } from './client-errors.js';
import { CliError, EXIT } from './exit-codes.js';
import { exchange, openDownload, type HttpAnswer } from './http.js';

const DEFAULT_URL = 'http://127.0.0.1:8080';
/** Longer than the timeout of the proxy for a frame. */
const TIMEOUT_MS = 20_000;
/** The proxy may send two requests to the cloud, with a timeout of 10 s each. */
const CHANGE_TIMEOUT_MS = 30_000;
/** Added to the timeout of a probe, because the proxy may first wait until earlier connections are closed, and then closes its own. */
const PROBE_MARGIN_MS = 15_000;
/** A download fails when no data arrives for this time. */
const DOWNLOAD_IDLE_MS = 60_000;

/** The range that a camera replays; times are milliseconds since the epoch. */
interface ReplayBody {
  readonly camera: string;
  readonly from: number;
  readonly to: number;
  readonly speed?: number;
  readonly loop?: boolean;
}

/** Body of POST /api/v1/process. */
export interface CameraBody {
  readonly name: string;
  /** Missing for a replay. */
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

/** Body of PATCH /api/v1/process/<name>. */
export interface CameraChanges {
  /** Null: buffer.on_disk decides. */
  readonly record?: boolean | null;
  readonly record_audio?: boolean;
  readonly passthrough?: boolean;
  readonly storage?: boolean;
}

/** Body of POST /api/v1/probe. */
export interface ProbeBody {
  readonly rtsp_endpoint: string;
  readonly transport: string;
  readonly tls_verify: string;
  readonly timeout_ms: number;
}

/** Answer of POST /api/v1/probe. */
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
  /** The running camera that answered; null when the proxy opened a connection. */
  readonly camera: string | null;
}

/** Answer of GET /api/v1/info. */
export interface ProxyInfo {
  readonly version: string;
  /** Null while gRPC does not listen. */
  readonly grpc_port: number | null;
  /** The proxy's clock, milliseconds since the epoch. */
  readonly time: number;
}

/** Whether the answer includes the log lines. Without them, the proxy has less work. */
interface ShowOptions {
  readonly logs?: boolean;
}

/** The REST interface of a running proxy. Every method throws CliError. */
export class ProxyClient {
  readonly #base: string;

  constructor(
    url: string | undefined,
    private readonly tls: ClientTls = {},
  ) {
    const base = (url === undefined || url === '' ? DEFAULT_URL : url).replace(/\/+$/, '');
    if (!/^https?:\/\//i.test(base) || !URL.canParse(base)) {
      const text = `${redactUrl(base)} is not the address of a proxy. An address looks like ${DEFAULT_URL}.`;
      throw new CliError(EXIT.usage, text);
    }
    this.#base = base;
  }

  async add(body: CameraBody): Promise<void> {
    await this.#call('POST', 'process', body);
  }

  async list({ logs = true }: ShowOptions = {}): Promise<StreamProcess[]> {
    return (await this.requestJson('GET', `processlist?logs=${logs}`)) as StreamProcess[];
  }

  async show(name: string, { logs = true }: ShowOptions = {}): Promise<StreamProcess> {
    return (await this.requestJson('GET', `process/${encodeURIComponent(name)}?logs=${logs}`)) as StreamProcess;
  }

  async change(name: string, changes: CameraChanges): Promise<StreamProcess> {
    return (await this.requestJson(
      'PATCH',
      `process/${encodeURIComponent(name)}`,
      changes,
      CHANGE_TIMEOUT_MS,
    )) as StreamProcess;
  }

  /** Connects at once to a camera whose next attempt would be later. */
  async retry(name: string, forget: boolean): Promise<StreamProcess> {
    return (await this.requestJson('POST', `process/${encodeURIComponent(name)}/retry`, { forget })) as StreamProcess;
  }

  async probe(body: ProbeBody): Promise<ProbeAnswer> {
    return (await this.requestJson('POST', 'probe', body, body.timeout_ms + PROBE_MARGIN_MS)) as ProbeAnswer;
  }

  async info(): Promise<ProxyInfo> {
    return (await this.requestJson('GET', 'info')) as ProxyInfo;
  }

  /** TLS options for gRPC; undefined: gRPC is plaintext, as REST is. */
  get grpcTls(): ClientTls | undefined {
    return /^https:/i.test(this.#base) ? this.tls : undefined;
  }

  /** `host:port` of gRPC, which is on the same host as REST. */
  async grpcAddress(): Promise<string> {
    const { grpc_port: port } = await this.info();
    if (port === null) {
      throw new CliError(EXIT.noProxy, 'The proxy is starting, and gRPC does not listen yet: try again in a moment.');
    }
    return `${new URL(this.#base).hostname}:${port}`;
  }

  async remove(name: string): Promise<void> {
    await this.#call('DELETE', `process/${encodeURIComponent(name)}`);
  }

  /** The newest frame as a JPEG file. */
  async snapshot(name: string, width: string | undefined): Promise<Uint8Array> {
    const query = width === undefined ? '' : `?width=${encodeURIComponent(width)}`;
    return await this.#call('GET', `process/${encodeURIComponent(name)}/snapshot.jpg${query}`);
  }

  /** The JSON answer of a route below /api/v1. */
  async requestJson(method: string, route: string, body?: object, timeoutMs = TIMEOUT_MS): Promise<unknown> {
    const answer = jsonOf(await this.#call(method, route, body, timeoutMs));
    if (answer === undefined) {
      throw notProxyError(this.#base);
    }
    return answer;
  }

  /** Sends a request whose answer has no content. */
  async request(method: string, route: string): Promise<void> {
    await this.#call(method, route);
  }

  /** The answer of a route below /api/v1 as a stream. It fails when the connection is lost or `signal` is aborted. */
  async download(route: string, signal: AbortSignal): Promise<Readable> {
    const url = `${this.#base}/api/v1/${route}`;
    const response = await openDownload(url, signal, DOWNLOAD_IDLE_MS, this.tls).catch((error: unknown) => {
      throw signal.aborted ? error : unreachableError(this.#base, error);
    });
    const status = response.statusCode ?? 0;
    if (isSuccess(status)) {
      return response;
    }
    throw refusalError(this.#base, { status, body: await buffer(response) });
  }

  async #call(method: string, route: string, body?: object, timeoutMs = TIMEOUT_MS): Promise<Buffer> {
    let answer: HttpAnswer;
    try {
      answer = await exchange(method, `${this.#base}/api/v1/${route}`, body, timeoutMs, this.tls);
    } catch (error) {
      throw unreachableError(this.#base, error);
    }
    if (isSuccess(answer.status)) {
      return answer.body;
    }
    throw refusalError(this.#base, answer);
  }
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}
