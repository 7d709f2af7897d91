import { readFileSync } from 'node:fs';
import { messageOf } from '../base/errors.js';
import type { Environment } from '../config/environment.js';
import { CliError, EXIT } from './exit-codes.js';

/** Contents of the PEM files with which the CLI connects to a proxy over TLS. */
export interface ClientTls {
  /** Undefined: the CAs that Node.js trusts. */
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

export interface TlsOptions {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Reads the files that the options name; without an option, the environment variable applies. Throws CliError. */
export function clientTlsOf(options: TlsOptions, env: Environment): ClientTls {
  const files = {
    ca: options.ca ?? filled(env['CHRYSPROXY_CA']),
    cert: options.cert ?? filled(env['CHRYSPROXY_CERT']),
    key: options.key ?? filled(env['CHRYSPROXY_KEY']),
  };
  if ((files.cert === undefined) !== (files.key === undefined)) {
    throw new CliError(EXIT.usage, '--cert and --key belong together: give both or neither.');
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
