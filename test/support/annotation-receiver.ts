/**
 * A cloud that receives annotations. It checks each signature against the body, stores accepted annotations, and fails in
 * the way that a test sets. It shares no code with the proxy.
 */
import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { partsOf, type ReceivedPart } from './multipart.js';

export interface ReceivedAnnotation {
  readonly id: string;
  readonly device_name: string;
  readonly type: string;
  readonly start_timestamp: number;
  readonly custom_meta_1?: string;
  readonly [field: string]: unknown;
}

export type Fault =
  | { readonly kind: 'status'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** Reads the request and does not answer. */
  | { readonly kind: 'hang' }
  /** Answers slowly, one character at a time. */
  | { readonly kind: 'drip' }
  /** Accepts the annotations, but resets the connection instead of answering. */
  | { readonly kind: 'reset' }
  /** Answers 400 to a batch in which a custom_meta_1 is "poison". */
  | { readonly kind: 'poison' }
  /** Answers 413 to a batch of more than `max` annotations. */
  | { readonly kind: 'too_many'; readonly max: number };

export interface ReceivedBatch {
  readonly ids: readonly string[];
  readonly batchId: string;
  readonly status: number;
  readonly atMs: number;
}

export const KEY = 'edge-key';
export const SECRET = 'edge secret ä';

export class AnnotationReceiver {
  /** Accepted annotations in order, including repetitions. */
  readonly accepted: ReceivedAnnotation[] = [];
  /** Evidence of the annotations, by id. */
  readonly parts = new Map<string, readonly ReceivedPart[]>();
  /** All batches, including batches that were not accepted. */
  readonly batches: ReceivedBatch[] = [];
  /** Errors in requests, one sentence each. */
  readonly complaints: string[] = [];
  /** Undefined: the receiver works. */
  fault: Fault | undefined;
  secret = SECRET;
  /** Delay of each answer. */
  delayMs = 0;
  #server: Server | undefined;
  #port = 0;
  readonly #drips = new Set<NodeJS.Timeout>();

  static async start(): Promise<AnnotationReceiver> {
    const receiver = new AnnotationReceiver();
    await receiver.listen();
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/api/v1/annotate`;
  }

  /** Value for api.endpoint. */
  get base(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Ids of the accepted annotations. */
  get ids(): Set<string> {
    return new Set(this.accepted.map(({ id }) => id));
  }

  /** custom_meta_1 of the annotations of a camera, in the order of their first arrival. */
  firstOf(camera: string): string[] {
    const first = new Map<string, string>();
    for (const { id, device_name: name, custom_meta_1: meta = '' } of this.accepted) {
      if (name === camera && !first.has(id)) first.set(id, meta);
    }
    return [...first.values()];
  }

  /** Listens again on the same port. */
  async listen(): Promise<void> {
    this.#server = createServer((request, response) => {
      void this.#serve(request, response);
    });
    await new Promise<void>((resolve) => {
      this.#server?.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Stops listening and closes all connections. */
  async stop(): Promise<void> {
    for (const drip of this.#drips) clearInterval(drip);
    this.#server?.closeAllConnections();
    await new Promise<void>((resolve) => {
      this.#server?.close(() => {
        resolve();
      });
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    } catch {
      return;
    }
    const body = Buffer.concat(chunks);
    const signed = this.#isSigned(request, body);
    if (signed && request.method === 'PUT') {
      // The storage switch is not supported here.
      this.#answer(response, 404);
      return;
    }
    const annotations = signed ? this.#checked(request, body) : undefined;
    if (annotations === undefined) {
      this.#answer(response, 401);
      return;
    }
    if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
    const { fault } = this;
    const batch = {
      ids: annotations.map(({ id }) => id),
      batchId: String(request.headers['x-chrys-batch-id']),
      atMs: Date.now(),
    };
    const done = (status: number): void => {
      this.batches.push({ ...batch, status });
    };
    if (fault?.kind === 'hang') {
      done(0);
    } else if (fault?.kind === 'drip') {
      done(0);
      const drip = setInterval(() => response.write(' '), 50);
      this.#drips.add(drip);
      response.on('close', () => {
        clearInterval(drip);
      });
      response.writeHead(200);
    } else if (fault?.kind === 'reset') {
      this.accepted.push(...annotations);
      done(0);
      request.socket.resetAndDestroy();
    } else {
      const status = statusFor(annotations, fault);
      if (status === 200) this.accepted.push(...annotations);
      done(status);
      this.#answer(response, status, fault?.kind === 'status' ? fault.headers : {});
    }
  }

  #answer(response: ServerResponse, status: number, headers: Readonly<Record<string, string>> = {}): void {
    response.writeHead(status, { 'content-type': 'text/plain', ...headers });
    response.end(status === 200 ? '' : `the receiver says ${status}`);
  }

  #isSigned({ headers }: IncomingMessage, body: Buffer): boolean {
    const md5 = createHash('md5').update(body).digest('hex');
    const date = String(headers['x-chrys-date']);
    const mac = createHmac('sha256', this.secret)
      .update(date + md5)
      .digest('hex');
    if (headers['content-md5'] !== md5) this.complaints.push(`Content-MD5 is ${String(headers['content-md5'])}`);
    if (Math.abs(Date.now() - Number(date)) > 60_000) this.complaints.push(`X-Chrys-Date is ${date}`);
    return headers['x-chrysedge-auth'] === `${KEY}:${mac}`;
  }

  #checked(request: IncomingMessage, body: Buffer): ReceivedAnnotation[] {
    const { headers } = request;
    if (request.method !== 'POST') this.complaints.push(`the method is ${String(request.method)}`);
    const { text, parts } = contentOf(headers['content-type'] ?? '', body);
    const annotations = (JSON.parse(text) as { data: ReceivedAnnotation[] }).data;
    const [first] = annotations;
    if (first !== undefined && parts.length > 0) {
      if (annotations.length > 1) this.complaints.push('evidence came with several annotations');
      this.parts.set(first.id, parts);
    }
    const ids = annotations.map(({ id }) => id);
    const batchId = createHash('sha256').update(ids.join('\n')).digest('hex');
    if (headers['x-chrys-batch-id'] !== batchId) this.complaints.push('X-Chrys-Batch-Id does not match the ids');
    return annotations;
  }
}

function contentOf(
  contentType: string,
  body: Buffer,
): { readonly text: string; readonly parts: readonly ReceivedPart[] } {
  if (contentType === 'application/json') return { text: body.toString(), parts: [] };
  const [data, ...parts] = partsOf(contentType, body);
  if (data?.name !== 'data' || data.contentType !== 'application/json') throw new Error('The first part is not "data"');
  return { text: data.bytes.toString(), parts };
}

function statusFor(annotations: readonly ReceivedAnnotation[], fault: Fault | undefined): number {
  if (fault?.kind === 'status') return fault.status;
  if (fault?.kind === 'too_many') return annotations.length > fault.max ? 413 : 200;
  const poisoned = annotations.some((annotation) => annotation.custom_meta_1 === 'poison');
  return fault?.kind === 'poison' && poisoned ? 400 : 200;
}
