import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import { ChrysError } from '../../base/errors.js';
import type { Logger } from '../../base/log.js';
import { redact } from '../../base/redact.js';

/** Sends `{"code", "message"}`, the form of every error. */
export function sendError(req: Request, res: Response, status: number, message: string): void {
  if (!req.complete) {
    // Otherwise Node would read the rest of the body, which nobody needs.
    res.set('Connection', 'close');
  }
  res.status(status).json({ code: status, message: redact(message) });
}

/** Answers 405, and OPTIONS with 204. `Allow` has the methods of the route. */
export function onlyMethods(...methods: readonly string[]): RequestHandler {
  const allow = methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', ');
  return (req, res) => {
    res.set('Allow', allow);
    if (req.method === 'OPTIONS') {
      res.status(204).end();
    } else {
      sendError(req, res, 405, `${req.method} is not allowed at ${shortPath(req)}; allowed is ${allow}.`);
    }
  };
}

export const unknownRoute: RequestHandler = (req, res) => {
  sendError(req, res, 404, `There is no route ${shortPath(req)}; GET /api lists all routes.`);
};

/** The last handler of the application: every thrown error becomes an answer here. */
export function errorHandler(logger: Logger): ErrorRequestHandler {
  return (error: unknown, req, res, next) => {
    if (res.headersSent) {
      next(error);
      return;
    }
    const { status, message } = describe(error);
    if (status === 500 && !req.destroyed) {
      logger.error({ err: error, method: req.method, path: shortPath(req) }, 'A request failed unexpectedly');
    }
    sendError(req, res, status, message);
  };
}

function describe(error: unknown): { status: number; message: string } {
  if (error instanceof ChrysError) {
    return { status: error.httpStatus, message: error.message };
  }
  if (error instanceof URIError) {
    return { status: 400, message: 'The path has a malformed percent-encoding; encode "%" itself as "%25".' };
  }
  return { status: 500, message: 'An unexpected error happened; the log of the proxy has the details.' };
}

/** The path without its query, which may hold secrets. */
function shortPath(req: Request): string {
  return req.path.length > 100 ? `${req.path.slice(0, 100)}…` : req.path;
}
