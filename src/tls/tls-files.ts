import { X509Certificate, createPrivateKey } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';

import type { Clock } from '../base/clock.js';
import { ChrysError, messageOf } from '../base/errors.js';
import type { Logger } from '../base/log.js';

/** Absolute paths of PEM files. */
export interface TlsPaths {
  /** The server's certificate, and those between it and its CA. */
  readonly cert: string;
  readonly key: string;
  /** Of those who sign clients' certificates; undefined: clients show none. */
  readonly clientCa: string | undefined;
}

/** What `tls.createSecureContext` takes. */
export interface TlsContext {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca?: Buffer;
}

/** Files that were renewed are taken so soon. */
const LOOK_EVERY_MS = 5000;
/** Whoever renews files may write them one after the other. */
const SETTLED_MS = 1000;
const WARN_BEFORE_MS = 14 * 86_400_000;
const WARN_AGAIN_MS = 86_400_000;
const GROUP_AND_OTHERS = 0o077;

/** The files that TLS needs, read again when they change. Main thread. */
export class TlsFiles {
  private readonly listeners = new Set<(context: TlsContext) => void>();
  private current: TlsContext;
  /** Of the files that were read last. */
  private mark = '';
  private warnedMs = -Infinity;
  private closed = false;
  private cancelLook: (() => void) | undefined;

  /** Throws failed_precondition that names the file and says what to do. */
  constructor(
    private readonly paths: TlsPaths,
    private readonly clock: Clock,
    private readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>,
  ) {
    this.current = load(paths, clock.nowMs());
    void markOf(paths).then(({ mark }) => (this.mark = mark));
    this.warn();
    this.lookAgain();
  }

  get context(): TlsContext {
    return this.current;
  }

  /** Called with what connections get from now on. */
  onChange(listener: (context: TlsContext) => void): void {
    this.listeners.add(listener);
  }

  close(): void {
    this.closed = true;
    this.cancelLook?.();
    this.listeners.clear();
  }

  private lookAgain(): void {
    this.cancelLook = this.clock.after(LOOK_EVERY_MS, () => {
      void this.look().finally(() => {
        if (!this.closed) this.lookAgain();
      });
    });
  }

  /** Never rejects. What is asked every time is asked without holding up anybody. */
  private async look(): Promise<void> {
    const { mark, newestMs } = await markOf(this.paths);
    this.warn();
    if (this.closed || mark === this.mark || newestMs > Date.now() - SETTLED_MS) return;
    this.mark = mark;
    try {
      this.current = load(this.paths, this.clock.nowMs());
    } catch (error) {
      this.logger.error(`the renewed files of TLS are of no use, the old ones stay: ${messageOf(error)}`);
      return;
    }
    this.logger.info(`the renewed certificate ${this.paths.cert} is used from now on`);
    for (const listener of this.listeners) listener(this.current);
  }

  private warn(): void {
    const nowMs = this.clock.nowMs();
    if (nowMs - this.warnedMs < WARN_AGAIN_MS) return;
    this.warnedMs = nowMs;
    const endMs = Date.parse(new X509Certificate(this.current.cert).validTo);
    if (endMs - nowMs < WARN_BEFORE_MS) {
      this.logger.warn(
        `the certificate ${this.paths.cert} ${endMs < nowMs ? 'has ended' : 'ends'} at ${new Date(endMs).toISOString()}: ` +
          'renew it; the new file is taken without a restart',
      );
    }
    if ((modeOf(this.paths.key) & GROUP_AND_OTHERS) !== 0) {
      this.logger.warn(`others than its owner can read the key ${this.paths.key}: chmod 600 it`);
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
    throw unusable(`tls.cert: ${paths.cert} has ended at ${certificate.validTo}: renew it`);
  }
  if (ca !== undefined)
    parsed(paths.clientCa ?? '', 'tls.client_ca', 'a PEM certificate', () => new X509Certificate(ca));
  const context = { cert, key, ...(ca === undefined ? {} : { ca }) };
  parsed(paths.cert, 'tls.cert', 'a certificate that TLS takes', () => createSecureContext(context));
  return context;
}

function read(path: string, key: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw unusable(`${key}: ${path} cannot be read (${messageOf(error)})`, error);
  }
}

function parsed<T>(path: string, key: string, what: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw unusable(`${key}: ${path} is not ${what} (${messageOf(error)})`, error);
  }
}

function unusable(message: string, cause?: unknown): ChrysError {
  return new ChrysError('failed_precondition', `${message}.`, { cause });
}

/** `mark` changes with any of the files, also when a link leads to another one. */
async function markOf({
  cert,
  key,
  clientCa,
}: TlsPaths): Promise<{ readonly mark: string; readonly newestMs: number }> {
  const files = [cert, key, ...(clientCa === undefined ? [] : [clientCa])];
  const facts = await Promise.all(files.map((path) => stat(path).catch(() => undefined)));
  return {
    mark: facts.map((fact) => (fact === undefined ? 'none' : `${fact.ino} ${fact.size} ${fact.mtimeMs}`)).join(),
    newestMs: Math.max(...facts.map((fact) => fact?.mtimeMs ?? 0)),
  };
}

function modeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mode ?? 0;
}
