import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { ChrysError, messageOf } from '../../base/errors.js';
import { HANDSHAKE_TIMEOUT_MS, type TlsSetup } from '../../tls/tls-setup.js';

// Limits of one connection, and of all connections together.
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_TIMEOUT_MS = 10_000;
/** A connection without traffic is closed after this time. */
const IDLE_TIMEOUT_MS = 60_000;
const TIMEOUT_CHECK_MS = 2000;
const MAX_HEADER_BYTES = 16 * 1024;
const MAX_HEADERS = 100;
const MAX_CONNECTIONS = 1024;
const MAX_REQUESTS_PER_CONNECTION = 10_000;
/** An answer that is not complete this long after the server was told to close is cut off. */
const CLOSE_GRACE_MS = 2000;

const LIMITS = {
  headersTimeout: HEADERS_TIMEOUT_MS,
  requestTimeout: REQUEST_TIMEOUT_MS,
  keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
  connectionsCheckingInterval: TIMEOUT_CHECK_MS,
  maxHeaderSize: MAX_HEADER_BYTES,
} as const;

export interface RestServer {
  readonly host: string;
  /** The actual port: for port 0, the port that the system has chosen. */
  readonly port: number;
  /** Resolves when every connection is closed. */
  close(): Promise<void>;
}

/** Throws failed_precondition when it cannot listen on the address. */
export async function listenRest(
  listener: RequestListener,
  host: string,
  port: number,
  tls: TlsSetup | undefined,
): Promise<RestServer> {
  const server = tls === undefined ? createServer(LIMITS, listener) : secureServer(listener, tls);
  server.maxHeadersCount = MAX_HEADERS;
  server.maxConnections = MAX_CONNECTIONS;
  server.maxRequestsPerSocket = MAX_REQUESTS_PER_CONNECTION;
  server.setTimeout(IDLE_TIMEOUT_MS);
  server.on('clientError', refuse);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(explained(error, host, port));
    });
    server.listen({ host, port }, resolve);
  });
  const address = server.address() as AddressInfo;
  return { host: address.address, port: address.port, close: () => close(server) };
}

function secureServer(listener: RequestListener, { files, requireClientCert }: TlsSetup): SecureServer {
  const client = { requestCert: requireClientCert, rejectUnauthorized: requireClientCert };
  const options = { ...LIMITS, ...files.context, ...client, handshakeTimeout: HANDSHAKE_TIMEOUT_MS };
  const server = createSecureServer(options, listener);
  // Runs before `refuse`, whose answer would wait for ever for the TLS handshake.
  server.prependListener('tlsClientError', (_error, socket) => {
    socket.destroy();
  });
  files.onChange((context) => {
    server.setSecureContext(context);
  });
  return server;
}

/** Answers a request that is not HTTP in the form of every error. */
function refuse(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, reason, message] = refusalOf(error.code);
  const body = JSON.stringify({ code: status, message });
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

function refusalOf(code: string | undefined): [status: number, reason: string, message: string] {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return [431, 'Request Header Fields Too Large', `The headers are longer than ${MAX_HEADER_BYTES} bytes.`];
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return [408, 'Request Timeout', `The request did not arrive within ${REQUEST_TIMEOUT_MS / 1000} s.`];
    default:
      return [400, 'Bad Request', 'This is not an HTTP/1.1 request.'];
  }
}

function explained(error: NodeJS.ErrnoException, host: string, port: number): ChrysError {
  const hints: Readonly<Record<string, string>> = {
    EADDRINUSE: 'another program uses this port: stop it, or set another `port`',
    EACCES: 'ports below 1024 need a privilege: set a higher `port`',
    EADDRNOTAVAIL: 'this machine has no such address: set another `host`',
    ENOTFOUND: 'this name does not resolve: set another `host`',
  };
  const hint = hints[error.code ?? ''] ?? messageOf(error);
  return new ChrysError('failed_precondition', `REST cannot listen on ${host} port ${port}: ${hint}.`, {
    cause: error,
  });
}

async function close(server: Server | SecureServer): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => {
      resolve();
    });
  });
  const timer = setTimeout(() => {
    server.closeAllConnections();
  }, CLOSE_GRACE_MS);
  await closed;
  clearTimeout(timer);
}
