import { X509Certificate, createPrivateKey } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';

import type { Clock } from '../base/clock.js';
import { ChrysError, messageOf } from '../base/errors.js';
import type { Logger } from '../base/log.js';

/** Absolute paths of PEM files. */
export interface TlsPaths {
  /** The server's certificate and the intermediate ones. */
  readonly cert: string;
  readonly key: string;
  /** CA of client certificates. Undefined: clients need no certificate. */
  readonly clientCa: string | undefined;
}

/** The options of `tls.createSecureContext`. */
export interface TlsContext {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca?: Buffer;
}

/** How often the files are checked for changes. */
const CHECK_EVERY_MS = 5000;
/** Time from the last change until changed files are loaded, because they may be written one after the other. */
const SETTLED_MS = 1000;
/** Time before the end of the certificate from which on a warning is logged, once per WARN_AGAIN_MS. */
const WARN_BEFORE_MS = 14 * 86_400_000;
const WARN_AGAIN_MS = 86_400_000;
/** File mode bits. */
const GROUP_AND_OTHERS = 0o077;

/** The TLS files, loaded again when they change. Main thread. */
export class TlsFiles {
  private readonly listeners = new Set<(context: TlsContext) => void>();
  private current: TlsContext;
  /** Identifies the state of the files that were loaded last. */
  private fingerprint = '';
  private warnedMs = -Infinity;
  private closed = false;
  private cancelCheck: (() => void) | undefined;

  /** Throws failed_precondition with the file and the problem. */
  constructor(
    private readonly paths: TlsPaths,
    private readonly clock: Clock,
    private readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>,
  ) {
    this.current = load(paths, clock.nowMs());
    void fingerprintOf(paths).then(({ fingerprint }) => (this.fingerprint = fingerprint));
    this.warn();
    this.checkLater();
  }

  get context(): TlsContext {
    return this.current;
  }

  /** The listener gets the context for new connections. */
  onChange(listener: (context: TlsContext) => void): void {
    this.listeners.add(listener);
  }

  close(): void {
    this.closed = true;
    this.cancelCheck?.();
    this.listeners.clear();
  }

  private checkLater(): void {
    this.cancelCheck = this.clock.after(CHECK_EVERY_MS, () => {
      void this.check().finally(() => {
        if (!this.closed) this.checkLater();
      });
    });
  }

  /** Never rejects. The check itself does not block; only changed files are read synchronously. */
  private async check(): Promise<void> {
    const { fingerprint, newestMs } = await fingerprintOf(this.paths);
    this.warn();
    if (this.closed || fingerprint === this.fingerprint || newestMs > this.clock.nowMs() - SETTLED_MS) return;
    this.fingerprint = fingerprint;
    try {
      this.current = load(this.paths, this.clock.nowMs());
    } catch (error) {
      this.logger.error(`The renewed TLS files are invalid, so the old ones stay in use: ${messageOf(error)}`);
      return;
    }
    this.logger.info(`The renewed certificate ${this.paths.cert} is used from now on.`);
    for (const listener of this.listeners) listener(this.current);
  }

  private warn(): void {
    const nowMs = this.clock.nowMs();
    if (nowMs - this.warnedMs < WARN_AGAIN_MS) return;
    this.warnedMs = nowMs;
    const endMs = Date.parse(new X509Certificate(this.current.cert).validTo);
    if (endMs - nowMs < WARN_BEFORE_MS) {
      this.logger.warn(
        `The certificate ${this.paths.cert} ${endMs < nowMs ? 'expired' : 'expires'} at ` +
          `${new Date(endMs).toISOString()}. Renew it; the new file is loaded without a restart.`,
      );
    }
    if ((modeOf(this.paths.key) & GROUP_AND_OTHERS) !== 0) {
      this.logger.warn(`Other users can read the key ${this.paths.key}. Run chmod 600 on it.`);
    }
  }
}

function load(paths: TlsPaths, nowMs: number): TlsContext {
  const cert = read(paths.cert, 'tls.cert');
  const key = read(paths.key, 'tls.key');
  const ca = paths.clientCa === undefined ? undefined : read(paths.clientCa, 'tls.client_ca');
  const certificate = parsed(paths.cert, 'tls.cert', 'a PEM certificate', () => new X509Certificate(cert));
  const privateKey = parsed(paths.key, 'tls.key', 'a PEM key without a passphrase', () => createPrivateKey(key));
  if (!certificate.checkPrivateKey(privateKey)) {
    throw unusable(`tls.key: ${paths.key} is not the key of the certificate ${paths.cert}`);
  }
  if (Date.parse(certificate.validTo) < nowMs) {
    throw unusable(`tls.cert: ${paths.cert} expired at ${certificate.validTo}: renew it`);
  }
  if (ca !== undefined)
    parsed(paths.clientCa ?? '', 'tls.client_ca', 'a PEM certificate', () => new X509Certificate(ca));
  const context = { cert, key, ...(ca === undefined ? {} : { ca }) };
  parsed(paths.cert, 'tls.cert', 'a certificate that TLS accepts', () => createSecureContext(context));
  return context;
}

function read(path: string, key: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw unusable(`${key}: ${path} cannot be read (${messageOf(error)})`, error);
  }
}

function parsed<T>(path: string, key: string, expected: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw unusable(`${key}: ${path} is not ${expected} (${messageOf(error)})`, error);
  }
}

function unusable(message: string, cause?: unknown): ChrysError {
  return new ChrysError('failed_precondition', `${message}.`, { cause });
}

/** `fingerprint` changes with each change of a file, also when a link points to another file. */
async function fingerprintOf({
  cert,
  key,
  clientCa,
}: TlsPaths): Promise<{ readonly fingerprint: string; readonly newestMs: number }> {
  const files = [cert, key, ...(clientCa === undefined ? [] : [clientCa])];
  const facts = await Promise.all(files.map((path) => stat(path).catch(() => undefined)));
  return {
    fingerprint: facts.map((fact) => (fact === undefined ? 'none' : `${fact.ino} ${fact.size} ${fact.mtimeMs}`)).join(),
    newestMs: Math.max(...facts.map((fact) => fact?.mtimeMs ?? 0)),
  };
}

function modeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mode ?? 0;
}
