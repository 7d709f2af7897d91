import type { RequestHandler } from 'express';
import helmet from 'helmet';
import type { Clock } from '../../base/clock.js';
import type { Logger } from '../../base/log.js';

const CHANGING_METHODS = ['POST', 'PATCH', 'DELETE'];
const MAX_LOGGED_PATH = 200;

/**
 * Strict-Transport-Security is left out, because TLS is optional, and a browser that has seen the header could not open the proxy
 * again after TLS was switched off.
 */
export const securityHeaders = helmet({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { defaultSrc: ["'none'"], imgSrc: ["'self'"], frameAncestors: ["'none'"], baseUri: ["'none'"] },
  },
  strictTransportSecurity: false,
});

/** Answers show the current state, so they are never cached. */
export const neverCached: RequestHandler = (_req, res, next) => {
  res.set('Cache-Control', 'no-store');
  next();
};

/** Logs changes at the level info, and reads at debug: Docker and the page read every second. */
export function logRequests({ logger, clock }: { readonly logger: Logger; readonly clock: Clock }): RequestHandler {
  return (req, res, next) => {
    const startedMs = clock.monotonicMs();
    const { method, path } = req;
    res.on('finish', () => {
      const level = CHANGING_METHODS.includes(method) ? 'info' : 'debug';
      const tookMs = Math.round(clock.monotonicMs() - startedMs);
      logger[level]({ method, path: path.slice(0, MAX_LOGGED_PATH), status: res.statusCode, tookMs }, 'Request');
    });
    next();
  };
}
