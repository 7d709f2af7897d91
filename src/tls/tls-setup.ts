import type { TlsFiles } from './tls-files.js';

/** How one of the servers speaks TLS. */
export interface TlsSetup {
  readonly files: Pick<TlsFiles, 'context' | 'onChange'>;
  /** Whoever shows no certificate of the client CA is turned away. */
  readonly requireClientCert: boolean;
}

/** A client that takes longer to begin is cut off. */
export const HANDSHAKE_TIMEOUT_MS = 10_000;
