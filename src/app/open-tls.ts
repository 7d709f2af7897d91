import { systemClock } from '../base/clock.js';
import type { Logger } from '../base/log.js';
import type { Config } from '../config/schema.js';
import { TlsFiles } from '../tls/tls-files.js';
import type { TlsSetup } from '../tls/tls-setup.js';

export interface TlsSetups {
  readonly grpc: TlsSetup;
  readonly rest: TlsSetup;
  close(): void;
}

/** Opens TLS as configured. Undefined: TLS is not configured. Throws failed_precondition. */
export function openTls({ tls }: Config, logger: Logger): TlsSetups | undefined {
  if (tls.cert === '' || tls.key === '') return undefined;
  const clientCa = tls.client_ca === '' ? undefined : tls.client_ca;
  const files = new TlsFiles({ cert: tls.cert, key: tls.key, clientCa }, systemClock, logger);
  const required = tls.require_client_cert;
  return {
    grpc: { files, requireClientCert: required === true || required === 'grpc' },
    rest: { files, requireClientCert: required === true || required === 'rest' },
    close: () => {
      files.close();
    },
  };
}
