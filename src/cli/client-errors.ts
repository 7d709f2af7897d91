import { messageOf } from '../base/errors.js';
import { redactUrl } from '../base/redact.js';
import { CliError, EXIT, exitCodeOfStatus } from './exit-codes.js';
import type { HttpAnswer } from './http.js';

/** The error for an answer with an error status. It has the message of the proxy. */
export function refusalError(base: string, { status, body }: HttpAnswer): CliError {
  const refusal = jsonOf(body);
  if (typeof refusal === 'object' && refusal !== null && 'message' in refusal) {
    return new CliError(exitCodeOfStatus(status), String(refusal.message));
  }
  return notProxyError(base);
}

/** The error for an answer of another program. */
export function notProxyError(base: string): CliError {
  const text = `The program at ${redactUrl(base)} is not chrysproxy: give the address of the proxy's REST port with --url.`;
  return new CliError(EXIT.noProxy, text);
}

/** The error for a connection that failed, or an answer that did not arrive in time. */
export function unreachableError(base: string, error: unknown): CliError {
  const address = redactUrl(base);
  if (error instanceof Error && error.name === 'AbortError') {
    return new CliError(EXIT.noProxy, `The proxy at ${address} did not answer in time.`, { cause: error });
  }
  // When a name has several addresses, `errors` has the messages, and its own message is empty.
  const detail = error instanceof AggregateError ? error.errors.map(messageOf).join(', ') : messageOf(error);
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const text = `No proxy answers at ${address} (${detail}): ${adviceFor(code)}.`;
  return new CliError(EXIT.noProxy, text, { cause: error });
}

/** Undefined for a body that is not JSON. */
export function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** Advice for a failed connection, by the error code of Node or OpenSSL. */
function adviceFor(code: string): string {
  if (/^(?:UNABLE_TO|DEPTH_ZERO|SELF_SIGNED|CERT_)/.test(code)) {
    return 'its certificate is not trusted; give its CA, or the certificate itself, with --ca';
  }
  if (code.startsWith('ERR_TLS_CERT_ALTNAME'))
    return 'its certificate is for another host name; use that name in --url';
  if (/^ERR_SSL_|^EPROTO/.test(code)) {
    return 'check whether --url must begin with http:// or https://, and whether the proxy requires --cert';
  }
  if (code === 'ECONNRESET') return 'if it uses TLS, give an https:// address with --url';
  return 'start it with "chrysproxy start", or give its address with --url';
}
