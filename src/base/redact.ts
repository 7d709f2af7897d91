/**
 * Keeps camera passwords out of logs, answers and errors. An ambiguous text is masked too much rather than too little:
 * passwords can contain raw '@', '/' and ':', so the user part of a URL is assumed to end at the last '@'.
 */

import { MAX_URL_CHARACTERS } from './url-limit.js';

const MASK = '***';
/** Occurs in descriptions of the form of a URL: `rtsp://[user:password@]host`. Not masked. */
const PLACEHOLDER = '[user:password';

/** A user part that begins like this is a host with a path, because no user has such a name. */
const ADDRESS_AND_PATH = /^(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:.]+\]|localhost)(?::\d{1,5})?[/?#]/i;

/** A URL up to the last '@' before white space. Bounded lengths keep the match fast for any text. */
const URL_IN_TEXT = new RegExp(`([a-z0-9+.-]{1,32}://)(\\S{0,${MAX_URL_CHARACTERS}})@`, 'gi');
/** A URL that is percent-encoded as a whole, inside a query. */
const ENCODED_URL_IN_TEXT = new RegExp(
  `([a-z0-9+.-]{1,32}%3a%2f%2f(?:(?!%3a)[^\\s&]){0,256}%3a)[^\\s&]{0,${MAX_URL_CHARACTERS}}%40`,
  'gi',
);

const SECRET_WORD = '(?:pass|pwd|token|secret|key(?!_?frame)|auth|credential|signature)';
/** `?password=x`, `&api_key=x`, and the path `/user=admin_password=x_channel=1` of some cameras. */
const SECRET_PARAMETER = new RegExp(
  `((?:^|[\\s?&;/_,("'])(?:[\\w.-]{0,40}${SECRET_WORD}[\\w.-]{0,40}|sig|pw|psk)=)([^\\s&]+)`,
  'gi',
);
const AUTHORIZATION_HEADER = /((?:^|[\s"'])(?:proxy-)?authorization\s*[:=]\s*)[^\r\n]+/gi;
const SECRET_KEY = /pass(?:word|wd|phrase)?$|^pwd$|token$|secret$|^edge_?key$|authorization$/i;

/** Masks everything in a text that looks like a password. */
export function redact(text: string): string {
  return text
    .replace(URL_IN_TEXT, (_whole, scheme: string, user: string) => `${scheme}${maskUser(user)}@`)
    .replace(ENCODED_URL_IN_TEXT, `$1${MASK}%40`)
    .replace(SECRET_PARAMETER, `$1${MASK}`)
    .replace(AUTHORIZATION_HEADER, `$1${MASK}`);
}

/** `rtsp://user:***@host/path`. The whole text is one URL, so white space in its password is masked too. */
export function redactUrl(url: string): string {
  const parts = splitUser(url);
  if (parts === undefined) {
    return redact(url);
  }
  return `${parts.scheme}${maskUser(parts.user)}@${redact(parts.rest)}`;
}

/** The password of a URL and the values of its secret parameters, each raw and percent-decoded. Longest first. */
export function secretsOf(url: string): string[] {
  const found: string[] = [];
  const parts = splitUser(url);
  const colon = parts?.user.indexOf(':') ?? -1;
  if (parts !== undefined && colon >= 0 && !ADDRESS_AND_PATH.test(parts.user)) {
    found.push(parts.user.slice(colon + 1));
  }
  for (const match of (parts?.rest ?? url).matchAll(SECRET_PARAMETER)) {
    found.push(match[2] ?? '');
  }
  const secrets = new Set(found.flatMap((secret) => [secret, decoded(secret)]));
  secrets.delete('');
  return [...secrets].sort((a, b) => b.length - a.length);
}

/**
 * Masks these secrets everywhere in a text, and everything that `redact` finds. A secret of up to three characters is
 * masked only where it is a separate word; otherwise the text would become unreadable.
 */
export function redactSecrets(text: string, secrets: readonly string[]): string {
  let masked = text;
  for (const secret of secrets) {
    if (secret.length > 3) {
      masked = masked.replaceAll(secret, MASK);
    } else if (secret !== '') {
      masked = masked.replace(new RegExp(`(?<![A-Za-z0-9])${escapePattern(secret)}(?![A-Za-z0-9])`, 'g'), MASK);
    }
  }
  return redact(masked);
}

/** Whether the value of a field with this name must never be shown. */
export function isSecretKey(name: string): boolean {
  return SECRET_KEY.test(name);
}

function splitUser(url: string): { scheme: string; user: string; rest: string } | undefined {
  const scheme = /^\s*[a-z][a-z0-9+.-]*:\/\//i.exec(url)?.[0];
  const at = url.lastIndexOf('@');
  if (scheme === undefined || at < scheme.length) {
    return undefined;
  }
  return { scheme, user: url.slice(scheme.length, at), rest: url.slice(at + 1) };
}

function maskUser(user: string): string {
  const address = ADDRESS_AND_PATH.exec(user)?.[0];
  if (address !== undefined) {
    // The path or query can contain another URL with a user part.
    const rest = redact(`${user.slice(address.length)}@`);
    return `${address}${rest.slice(0, -1)}`;
  }
  const colon = user.indexOf(':');
  return colon < 0 || user === PLACEHOLDER ? user : `${user.slice(0, colon)}:${MASK}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Node has RegExp.escape only from version 24 on. */
function escapePattern(text: string): string {
  return text.replace(/[^A-Za-z0-9]/g, '\\$&');
}
