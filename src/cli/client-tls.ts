import { readFileSync } from 'node:fs';
import { Option } from 'commander';
import { messageOf } from '../base/errors.js';
import type { Environment } from '../config/environment.js';
import { CliError, EXIT } from './exit-codes.js';

/** What a proxy that speaks TLS is talked to with; PEM. */
export interface ClientTls {
  /** Undefined: those CAs that Node knows. */
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

export interface TlsOptions {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** For every command that talks to a running proxy. */
export function tlsOptions(): Option[] {
  return [
    new Option('--ca <file>', 'the CA of its certificate, or that itself; with an https:// address (or CHRYSPROXY_CA)'),
    new Option('--cert <file>', 'certificate to show, where it wants one (or CHRYSPROXY_CERT)'),
    new Option('--key <file>', 'the key of that certificate (or CHRYSPROXY_KEY)'),
  ];
}

/** Throws CliError. */
export function clientTlsOf(options: TlsOptions, env: Environment): ClientTls {
  const files = {
    ca: options.ca ?? filled(env['CHRYSPROXY_CA']),
    cert: options.cert ?? filled(env['CHRYSPROXY_CERT']),
    key: options.key ?? filled(env['CHRYSPROXY_KEY']),
  };
  if ((files.cert === undefined) !== (files.key === undefined)) {
    throw new CliError(EXIT.usage, '--cert and --key belong together: give both, or none.');
  }
  const contents = Object.entries(files).flatMap(([name, path]) =>
    path === undefined ? [] : [[name, read(name, path)]],
  );
  return Object.fromEntries(contents) as ClientTls;
}

/** An empty variable counts as not set. */
function filled(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}

function read(name: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new CliError(EXIT.usage, `--${name}: ${path} cannot be read: ${messageOf(error)}.`, { cause: error });
  }
}
