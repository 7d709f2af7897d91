import { accessSync, constants, statSync, type Stats } from 'node:fs';
import { isIP, isIPv6 } from 'node:net';
import { normalize } from 'node:path';

import { ChrysError } from '../../base/errors.js';
import { redactUrl } from '../../base/redact.js';
import { MAX_URL_CHARACTERS } from '../../base/url-limit.js';
import { KNOWN_SCHEMES, type SourceScheme } from '../../config/schema.js';
import { parseReplayUrl, REPLAY_FORM, type ReplayRange } from './replay-url.js';

/** An RTSP stream. */
export interface StreamSource {
  readonly kind: 'rtsp';
  /** The URL, with percent-encoded credentials. */
  readonly url: string;
  /** Without the brackets of an IPv6 address. */
  readonly host: string;
  readonly port: number;
  /** The URL without its password, for messages and logs. */
  readonly masked: string;
}

/** A video file. */
export interface FileSource {
  readonly kind: 'file';
  /** Absolute path. */
  readonly path: string;
  readonly masked: string;
}

/** A recorded range that is played as a camera. */
export interface ReplaySource extends ReplayRange {
  readonly kind: 'replay';
  readonly masked: string;
}

/** What a camera plays. Made once, from the URL of its definition. */
export type CameraSource = StreamSource | FileSource | ReplaySource;

const FORMS: Readonly<Record<SourceScheme, string>> = {
  rtsp: 'rtsp://[user:password@]host[:port]/path',
  rtsps: 'rtsps://[user:password@]host[:port]/path',
  file: 'file:/absolute/path',
  replay: REPLAY_FORM,
};
const DEFAULT_PORTS = { rtsp: 554, rtsps: 322 } as const;

// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f]/;
const ENCODED_CONTROL_CHARACTER = /%(?:[01][0-9a-f]|7f)/i;
const HOST_NAME = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_][a-z0-9_-]{0,62})*\.?$/i;
/** Matches a text before the first '/' that can only be a host and a port. A later '@' then belongs to the path. */
const ADDRESS = /^(?:\d{1,3}(?:\.\d{1,3}){3}|\[[^\]]*\]|localhost)(?::\d{0,5})?(?:[?#]|$)/i;
const PERCENT_ENCODE =
  "write these characters of the user name and password as '@' %40, '/' %2F, '?' %3F, '#' %23, ':' %3A, '%' %25, and '@' in the path as %40";

/**
 * Parses and checks the URL of a camera. Throws invalid_argument with the reason; its message never contains the password.
 * With `checkFile` false, a file need not exist yet.
 */
export function parseSourceUrl(
  raw: string,
  allowedSchemes: readonly SourceScheme[],
  options: { readonly checkFile: boolean } = { checkFile: true },
): CameraSource {
  const text = raw.trim();
  if (text.length > MAX_URL_CHARACTERS) {
    throw refused(`is ${text.length} characters long; the maximum is ${MAX_URL_CHARACTERS}`);
  }
  if (CONTROL_CHARACTER.test(raw)) throw refused('contains a control character, such as a line break; remove it');
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase();
  const allowed = allowedSchemes.map((name) => FORMS[name]).join(', ');
  const known = KNOWN_SCHEMES.find((name) => name === scheme);
  if (known === undefined || !allowedSchemes.includes(known)) {
    throw refused(`${describeScheme(scheme, known !== undefined)}; allowed are ${allowed}`);
  }
  if (known === 'replay') return { kind: 'replay', masked: text, ...parseReplayUrl(text) };
  if (known === 'file') return parseFile(text, options.checkFile);
  if (!/^[a-z]+:\/\//i.test(text)) throw refused(`lacks the "//" after "${known}:"; allowed are ${allowed}`);
  return parseStream(known, text.slice(text.indexOf('//') + 2));
}

/** Whether two sources are the same stream of the same camera; users and passwords are not compared. */
export function isSameStream(a: CameraSource, b: CameraSource): boolean {
  if (a.kind !== 'rtsp' || b.kind !== 'rtsp') return false;
  return a.host.toLowerCase() === b.host.toLowerCase() && a.port === b.port && pathOf(a.url) === pathOf(b.url);
}

/** The part after host and port. Credentials are encoded, so they contain no '/', '?' or '#'. */
function pathOf(url: string): string {
  const rest = url.slice(url.indexOf('//') + 2);
  const begin = rest.search(/[/?#]/);
  return begin < 0 ? '/' : rest.slice(begin);
}

/** Throws invalid_argument unless `path` is a readable regular file. */
export function checkSourceFile(path: string): void {
  let found: Stats;
  try {
    found = statSync(path);
    if (found.isFile()) accessSync(path, constants.R_OK);
  } catch (error) {
    throw fileProblem(path, error);
  }
  if (!found.isFile()) throw refused(`names ${path}, which is not a regular file`);
}

function parseStream(scheme: 'rtsp' | 'rtsps', rest: string): StreamSource {
  const { user, hostAndPort, path } = split(rest);
  const { host, port } = parseHost(hostAndPort, user === undefined);
  const credentials = user === undefined ? '' : `${encodeUser(user)}@`;
  const bracketed = isIPv6(host) ? `[${host}]` : host;
  const portText = port === undefined ? '' : `:${port}`;
  const url = `${scheme}://${credentials}${bracketed}${portText}${encodeOdd(path)}`;
  return { kind: 'rtsp', url, host, port: port ?? DEFAULT_PORTS[scheme], masked: redactUrl(url) };
}

/** Users type passwords without encoding, so the user part may contain any character. An ambiguous URL is refused. */
function split(rest: string): { user: string | undefined; hostAndPort: string; path: string } {
  const slash = rest.indexOf('/');
  const authority = slash < 0 ? rest : rest.slice(0, slash);
  const at = ADDRESS.test(authority) ? -1 : authority.lastIndexOf('@');
  const afterUser = rest.slice(at + 1);
  const end = afterUser.search(/[/?#]/);
  const hostAndPort = end < 0 ? afterUser : afterUser.slice(0, end);
  const path = end < 0 ? '' : afterUser.slice(end);
  if (path.includes('@') && !ADDRESS.test(hostAndPort)) {
    throw refused(`has an '@' after its first '/', so the start of the host is ambiguous; ${PERCENT_ENCODE}`);
  }
  return { user: at < 0 ? undefined : authority.slice(0, at), hostAndPort, path };
}

/** With `mayShow` false, the text in place of the host may be the end of a password that contains an '@'. */
function parseHost(hostAndPort: string, mayShow: boolean): { host: string; port: number | undefined } {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::([^:]*))?$/.exec(hostAndPort);
  // The value is not shown: the text after a colon may be half of a password.
  if (match === null) throw refused('has no valid host; write an IPv6 address in brackets: rtsp://[fe80::1]:554/path');
  const [, bracketed, plain = '', portText] = match;
  const host = bracketed ?? plain;
  if (host === '') throw refused('has no host; write rtsp://host/path');
  const shown = (text: string): string => (mayShow ? `"${text}"` : 'something');
  if (bracketed !== undefined && !isIPv6(bracketed)) {
    throw refused(`has ${shown(bracketed)} in brackets for a host, which is no IPv6 address`);
  }
  if (bracketed === undefined && isIP(host) === 0 && !HOST_NAME.test(host)) {
    throw refused(`has ${shown(host)} for a host, which is neither a host name nor an address; ${PERCENT_ENCODE}`);
  }
  if (portText === undefined || portText === '') return { host, port: undefined };
  if (!/^\d+$/.test(portText)) {
    throw refused(
      `has something after the host's ':' that is not a port number; if it is a password, ${PERCENT_ENCODE}`,
    );
  }
  const port = Number(portText);
  if (port < 1 || port > 65535) throw refused(`has ${shown(portText)} for a port; a port is 1 to 65535`);
  return { host, port };
}

/** Encodes user name and password. The RTSP client splits them at the first ':' and decodes both parts. */
function encodeUser(user: string): string {
  const colon = user.indexOf(':');
  const name = colon < 0 ? user : user.slice(0, colon);
  if (name === '') throw refused("has an '@' without a user name before it");
  if (ENCODED_CONTROL_CHARACTER.test(user))
    throw refused('has a percent-encoded control character in its user name or password');
  return `${encodeCredential(name)}${colon < 0 ? '' : `:${encodeCredential(user.slice(colon + 1))}`}`;
}

/** A '%' that does not begin an encoded character is encoded as a literal '%'. */
function encodeCredential(text: string): string {
  return encodeOdd(text.replace(/%(?![0-9a-f]{2})/gi, '%25').replace(/[@/?#]/g, (found) => encodeURIComponent(found)));
}

/** Percent-encodes only characters that a request line cannot contain: cameras compare the rest literally. */
function encodeOdd(text: string): string {
  return text.replace(/[^\u0021-\u007e]+/g, (found) => encodeURIComponent(found.toWellFormed()));
}

function parseFile(text: string, checkFile: boolean): FileSource {
  const rest = text.slice('file:'.length).replace(/^\/\/(?:localhost)?(?=\/)/i, '');
  if (!rest.startsWith('/') || rest.startsWith('//')) {
    throw refused(`does not name an absolute path; write ${FORMS.file}`);
  }
  const asWritten = normalize(rest);
  const decoded = normalize(decode(rest));
  if (CONTROL_CHARACTER.test(decoded)) throw refused('contains an encoded control character');
  // A file whose name contains a literal '%' takes precedence.
  const path = asWritten !== decoded && !isThere(asWritten) ? decoded : asWritten;
  if (checkFile) checkSourceFile(path);
  return { kind: 'file', path, masked: `file:${path}` };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}

function fileProblem(path: string, error: unknown): ChrysError {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  if (code === 'ENOENT' || code === 'ENOTDIR') return refused(`names ${path}, but there is no such file`);
  if (code === 'EACCES') return refused(`names ${path}, which this process may not read`);
  return refused(`names ${path}, which cannot be read (${String(code)})`);
}

function describeScheme(scheme: string | undefined, known: boolean): string {
  if (scheme === undefined) return 'does not begin with a scheme';
  if (known) return `begins with "${scheme}:", which the operator has not allowed here (sources.schemes)`;
  return `begins with "${scheme.slice(0, 32)}:", which is not supported`;
}

function refused(what: string): ChrysError {
  return new ChrysError('invalid_argument', `The camera URL ${what}.`);
}
