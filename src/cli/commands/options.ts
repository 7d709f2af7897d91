import { InvalidArgumentError, Option } from 'commander';
import { clientTlsOf, type TlsOptions } from '../client-tls.js';
import { ProxyClient } from '../client.js';
import type { Io } from '../io.js';
import { MOMENT_FORMS, parseMoment, type Moment } from '../moment.js';

/** Options and parsers of values that several commands share. */

/** Options of the commands that talk to a running proxy. */
export interface RemoteOptions extends TlsOptions {
  readonly url?: string;
  readonly json?: boolean;
}

export function urlOption(): Option {
  return new Option('--url <url>', 'Address of the proxy. Default: CHRYSPROXY_URL, otherwise http://127.0.0.1:8080.');
}

/** Added to every command that has `--url`. */
export function tlsOptions(): Option[] {
  return [
    new Option(
      '--ca <file>',
      'PEM file with the CA of the proxy, or with its certificate, for an https:// address. Default: CHRYSPROXY_CA, ' +
        'otherwise the CAs that Node.js trusts.',
    ),
    new Option(
      '--cert <file>',
      'PEM file with a client certificate, for a proxy that requires one. Default: CHRYSPROXY_CERT.',
    ),
    new Option('--key <file>', 'PEM file with the private key of --cert. Default: CHRYSPROXY_KEY.'),
  ];
}

/** Throws CliError when the address or the TLS options are wrong. */
export function clientFor(options: RemoteOptions, io: Io): ProxyClient {
  return new ProxyClient(options.url ?? io.env['CHRYSPROXY_URL'], clientTlsOf(options, io.env));
}

/** The end of the description of a command with times. */
export const TIME_HELP = `A time is ${MOMENT_FORMS}.`;

/** Parses the value of an option that is a time. */
export function moment(text: string): Moment {
  const parsed = parseMoment(text);
  if (parsed === undefined) {
    throw new InvalidArgumentError(`It must be ${MOMENT_FORMS}.`);
  }
  return parsed;
}

/** Parses the value of an option that is a whole number. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) {
    throw new InvalidArgumentError('It must be a whole number.');
  }
  return Number(text);
}
