/** The camera's side of authentication: Basic (RFC 7617) and Digest (RFC 7616 and the older RFC 2069). */
import { createHash, randomBytes } from 'node:crypto';
import type { AuthOptions, AuthScheme } from './options.js';

const REALM = 'fake camera';
const DEFAULT_USER = 'admin';
const DEFAULT_PASSWORD = 'secret';

export interface AuthorizedRequest {
  readonly method: string;
  readonly uri: string;
  readonly body: string;
  /** Value of the Authorization header; '' when there is none. */
  readonly authorization: string;
}

/** 'old': the credentials are right, but the nonce is no longer valid. */
export type Verdict = 'in' | 'none' | 'wrong' | 'old';

export class Authenticator {
  /** When each nonce was made, monotonic ms. */
  readonly #nonces = new Map<string, number>();
  readonly #opaque = randomBytes(8).toString('hex');

  constructor(private readonly options: AuthOptions) {}

  judge(request: AuthorizedRequest): Verdict {
    if (request.authorization === '') return 'none';
    const { user = DEFAULT_USER, password = DEFAULT_PASSWORD } = this.options;
    const basic = /^Basic\s+(\S+)$/i.exec(request.authorization);
    if (basic !== null) {
      const right = this.options.schemes.includes('basic') && decoded(basic[1] ?? '') === `${user}:${password}`;
      return right ? 'in' : 'wrong';
    }
    const fields = digestFields(request.authorization);
    const scheme = schemeOf(fields);
    if (scheme === undefined || !this.options.schemes.includes(scheme) || fields.get('username') !== user)
      return 'wrong';
    if (fields.get('uri') !== request.uri || fields.get('opaque') !== this.#opaque) return 'wrong';
    const offeredQop = (this.options.qop ?? '').split(/\s*,\s*/);
    if (scheme !== 'rfc2069' && !offeredQop.includes(fields.get('qop') ?? '')) return 'wrong';
    if (fields.get('response') !== response(scheme, fields, request, password)) return 'wrong';
    return this.#useNonce(fields.get('nonce') ?? '') ? 'in' : 'old';
  }

  /** WWW-Authenticate headers of an answer 401. */
  challenges(verdict: Verdict): string[] {
    const nonce = randomBytes(16).toString('hex');
    this.#nonces.set(nonce, performance.now());
    const stale = verdict === 'old' && this.options.stale ? ', stale=true' : '';
    const values = this.options.schemes.map((scheme) => {
      if (scheme === 'basic') return `Basic realm="${REALM}"`;
      const algorithm = scheme === 'rfc2069' ? '' : `, algorithm=${ALGORITHMS[scheme]}`;
      const qop = scheme === 'rfc2069' || this.options.qop === undefined ? '' : `, qop="${this.options.qop}"`;
      return `Digest realm="${REALM}", nonce="${nonce}", opaque="${this.#opaque}"${algorithm}${qop}${stale}`;
    });
    const headers = this.options.oneHeader ? [values.join(', ')] : values;
    return headers.map((value) => `WWW-Authenticate: ${value}`);
  }

  #useNonce(nonce: string): boolean {
    const madeMs = this.#nonces.get(nonce);
    if (madeMs === undefined) return false;
    if (this.options.nonceOnce) this.#nonces.delete(nonce);
    return this.options.nonceS === undefined || performance.now() - madeMs < this.options.nonceS * 1000;
  }
}

const ALGORITHMS: Readonly<Record<Exclude<AuthScheme, 'basic' | 'rfc2069'>, string>> = {
  md5: 'MD5',
  'md5-sess': 'MD5-sess',
  sha256: 'SHA-256',
  'sha256-sess': 'SHA-256-sess',
};

/** undefined when the token of the algorithm is not one that was offered. */
function schemeOf(fields: ReadonlyMap<string, string>): AuthScheme | undefined {
  const algorithm = fields.get('algorithm');
  if (algorithm === undefined) return 'rfc2069';
  const found = Object.entries(ALGORITHMS).find(([, token]) => token === algorithm);
  return found?.[0] as AuthScheme | undefined;
}

function response(
  scheme: AuthScheme,
  fields: ReadonlyMap<string, string>,
  request: AuthorizedRequest,
  password: string,
): string {
  const hash = (text: string): string =>
    createHash(scheme.startsWith('sha256') ? 'sha256' : 'md5')
      .update(text)
      .digest('hex');
  const field = (name: string): string => fields.get(name) ?? '';
  const qop = field('qop');
  let a1 = hash(`${field('username')}:${REALM}:${password}`);
  if (scheme.endsWith('-sess')) a1 = hash(`${a1}:${field('nonce')}:${field('cnonce')}`);
  const a2 = hash(`${request.method}:${request.uri}${qop === 'auth-int' ? `:${hash(request.body)}` : ''}`);
  if (qop === '') return hash(`${a1}:${field('nonce')}:${a2}`);
  return hash([a1, field('nonce'), field('nc'), field('cnonce'), qop, a2].join(':'));
}

function digestFields(value: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const [, name, quoted, token] of value.matchAll(/(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g)) {
    fields.set((name ?? '').toLowerCase(), quoted?.replaceAll(/\\(.)/g, '$1') ?? token ?? '');
  }
  return fields;
}

function decoded(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}
