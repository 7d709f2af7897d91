import { request as requestHttp, type IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import { buffer } from 'node:stream/consumers';
import type { ClientTls } from './client-tls.js';

export interface HttpAnswer {
  readonly status: number;
  readonly body: Buffer;
}

/**
 * Sends a request and reads the whole answer. Does not use `fetch`, because it refuses some ports, such as 10080.
 * Rejects with Node's error, or with an AbortError after `timeoutMs`.
 */
export function exchange(
  method: string,
  url: string,
  json: object | undefined,
  timeoutMs: number,
  tls: ClientTls,
): Promise<HttpAnswer> {
  const payload = json === undefined ? undefined : JSON.stringify(json);
  const request = /^https:/i.test(url) ? requestHttps : requestHttp;
  const headers =
    payload === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(payload)) };
  return new Promise((resolve, reject) => {
    const options = { method, headers, ...tls, agent: false, signal: AbortSignal.timeout(timeoutMs) } as const;
    const outgoing = request(url, options, (response) => {
      buffer(response).then((body) => {
        resolve({ status: response.statusCode ?? 0, body });
      }, reject);
    });
    outgoing.on('error', reject);
    outgoing.end(payload);
  });
}

/**
 * Sends a GET request and returns the answer as a stream. Rejects with Node's error. The stream fails when the
 * connection is lost, when no data arrives for `idleMs`, or when `signal` is aborted.
 */
export function openDownload(
  url: string,
  signal: AbortSignal,
  idleMs: number,
  tls: ClientTls,
): Promise<IncomingMessage> {
  const request = /^https:/i.test(url) ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { ...tls, agent: false, signal }, resolve);
    outgoing.setTimeout(idleMs, () => outgoing.destroy(new Error(`No data arrived for ${idleMs / 1000} s`)));
    outgoing.on('error', reject);
    outgoing.end();
  });
}
