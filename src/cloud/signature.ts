import { createHash, createHmac } from 'node:crypto';

/** Identifies this proxy to the cloud. */
export interface EdgeKeys {
  readonly edgeKey: string;
  readonly edgeSecret: string;
}

/** The headers that sign a body. `bytes` must be exactly the bytes that are sent. */
export function signedHeaders(bytes: Uint8Array, keys: EdgeKeys, nowMs: number): Readonly<Record<string, string>> {
  const date = String(nowMs);
  const md5 = createHash('md5').update(bytes).digest('hex');
  const mac = createHmac('sha256', keys.edgeSecret).update(`${date}${md5}`).digest('hex');
  return { 'X-ChrysEdge-Auth': `${keys.edgeKey}:${mac}`, 'X-Chrys-Date': date, 'Content-MD5': md5 };
}

/** A sentence about missing keys; undefined: none is missing. */
export function missingKeys({ edgeKey, edgeSecret }: EdgeKeys): string | undefined {
  if (edgeKey !== '' && edgeSecret !== '') return undefined;
  const missing = edgeKey === '' ? 'key' : 'secret';
  return (
    `There is no edge ${missing}, which is needed to sign what is sent: set it with "chrysproxy cloud set-key" or POST ` +
    '/api/v1/settings.'
  );
}
