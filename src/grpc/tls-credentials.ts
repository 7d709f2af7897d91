import { ServerCredentials } from '@grpc/grpc-js';

import { HANDSHAKE_TIMEOUT_MS, type TlsSetup } from '../tls/tls-setup.js';

/** TLS credentials whose certificate can be replaced while the server runs, which `createSsl` does not support. */
export class TlsCredentials extends ServerCredentials {
  constructor({ files, requireClientCert }: TlsSetup) {
    const server = { requestCert: requireClientCert, rejectUnauthorized: requireClientCert };
    super({ ...server, handshakeTimeout: HANDSHAKE_TIMEOUT_MS }, files.context);
    files.onChange((context) => {
      this.updateSecureContextOptions(context);
    });
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}
