import { request as requestHttp, type IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import { buffer } from 'node:stream/consumers';
import type { ClientTls } from './client-tls.js';

export interface HttpAnswer {
  readonly status: number;
  readonly body: Buffer;
}

/**
 * One request, and the whole answer. `fetch` would do, but refuses ports that browsers fear, 10080 for instance.
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
 * A GET whose answer is read as it comes. Rejects with Node's error; the answer itself fails with an error when it breaks
 * off, when nothing comes for `idleMs`, or when `signal` is aborted.
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
    outgoing.setTimeout(idleMs, () => outgoing.destroy(new Error(`nothing came for ${idleMs / 1000} s`)));
    outgoing.on('error', reject);
    outgoing.end();
  });
}
