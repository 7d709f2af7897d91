/** A cloud with a storage switch. It checks each signature against the body. It shares no code with the proxy. */
import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { KEY, SECRET } from './annotation-receiver.js';

export class StorageCloud {
  /** Accepted requests, in order: `key=on`. */
  readonly accepted: string[] = [];
  /** Number of requests, including refused ones. */
  requests = 0;
  /** Maximum number of requests at the same time. */
  maxAtOnce = 0;
  /** Status of each answer. Undefined: the cloud works. 0: it does not answer. */
  status: number | undefined;
  delayMs = 0;
  #atOnce = 0;
  #server: Server | undefined;
  #port = 0;

  static async start(): Promise<StorageCloud> {
    const cloud = new StorageCloud();
    await cloud.listen();
    return cloud;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Listens again on the same port. */
  async listen(): Promise<void> {
    this.#server = createServer((request, response) => {
      void this.#statusFor(request).then((status) => {
        this.#atOnce -= 1;
        if (status !== 0) response.writeHead(status).end(status === 200 ? '' : `the cloud says ${status}`);
      });
    });
    await new Promise<void>((resolve) => {
      this.#server?.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise<void>((resolve) => {
      this.#server?.close(() => {
        resolve();
      });
    });
  }

  async #statusFor(request: IncomingMessage): Promise<number> {
    this.requests += 1;
    this.#atOnce += 1;
    this.maxAtOnce = Math.max(this.maxAtOnce, this.#atOnce);
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
    if (this.status !== undefined) return this.status;
    const { headers, method, url = '' } = request;
    const md5 = createHash('md5').update(body).digest('hex');
    const mac = createHmac('sha256', SECRET)
      .update(String(headers['x-chrys-date']) + md5)
      .digest('hex');
    if (headers['content-md5'] !== md5 || headers['x-chrysedge-auth'] !== `${KEY}:${mac}`) return 403;
    const key = /^\/api\/v1\/edge\/storage\/([^/]+)$/.exec(url)?.[1];
    if (method !== 'PUT' || key === undefined) return 404;
    const { enable } = JSON.parse(body.toString()) as { enable: boolean };
    this.accepted.push(`${key}=${enable ? 'on' : 'off'}`);
    return 200;
  }
}
