import type { TlsFiles } from './tls-files.js';

/** The TLS settings of one server. */
export interface TlsSetup {
  readonly files: Pick<TlsFiles, 'context' | 'onChange'>;
  /** Clients without a certificate of the client CA are refused. */
  readonly requireClientCert: boolean;
}

/** A client that does not finish the handshake within this time is disconnected. */
export const HANDSHAKE_TIMEOUT_MS = 10_000;
