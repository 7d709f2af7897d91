import type { RequestHandler } from 'express';
import { ChrysError } from '../../base/errors.js';

const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS'];

/**
 * Refuses changes that come from a web page of another site. A browser on this machine can reach the proxy even when the
 * proxy listens on the loopback interface only. Programs other than browsers send neither of these headers.
 */
export const refuseOtherSites: RequestHandler = (req, _res, next) => {
  const origin = req.get('origin');
  const site = req.get('sec-fetch-site');
  const own = site === undefined ? origin === undefined || isOwn(origin, req.get('host')) : isSame(site);
  if (!SAFE_METHODS.includes(req.method) && !own) {
    throw new ChrysError(
      'permission_denied',
      `A page of ${origin ?? 'another site'} may not change anything; call this API from a program, or from a page of this proxy.`,
    );
  }
  next();
};

function isOwn(origin: string, host: string | undefined): boolean {
  return URL.canParse(origin) && new URL(origin).host === host;
}

function isSame(site: string): boolean {
  return site === 'same-origin' || site === 'none';
}
