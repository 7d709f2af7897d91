import type { Clock } from '../../base/clock.js';
import { ChrysError } from '../../base/errors.js';
import { sendDocsPage } from '../http/docs-files.js';
import type { Page } from '../http/page-files.js';
import type { Handlers } from '../http/router.js';
import { openApiDocument } from '../route-table/openapi.js';
import type { proxyRoutes } from '../route-table/proxy.js';
import { routesPage } from './routes-page.js';

export interface ProxyParts {
  readonly version: string;
  readonly clock: Clock;
  /** Why the proxy cannot serve yet; undefined: it can. */
  readonly ready: () => string | undefined;
  /** The port of gRPC; undefined while gRPC does not listen. */
  readonly grpcPort: () => number | undefined;
}

export function proxyHandlers(parts: ProxyParts, page: Page): Handlers<typeof proxyRoutes> {
  const { version, clock, ready, grpcPort } = parts;
  // Built at the start, because building it at the first request would delay frames.
  const openApi = openApiDocument(version);
  return {
    getInfo: () => ({ version, grpc_port: grpcPort() ?? null, time: clock.nowMs() }),
    getHealth: () => ({ status: 'ok', version }),
    getReadiness: () => {
      const why = ready();
      if (why !== undefined) throw new ChrysError('unavailable', why);
      return { status: 'ok' };
    },
    getRouteList: ({ res }) => void res.type('html').send(routesPage(version)),
    getOpenApi: () => ({ ...openApi }),
    getApiDocs: ({ res }) => {
      sendDocsPage(res);
    },
    getPage: ({ res }) => {
      page.send(res);
    },
  };
}
