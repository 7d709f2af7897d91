import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import { ChrysError } from '../../base/errors.js';
import type { Logger } from '../../base/log.js';
import { redact } from '../../base/redact.js';

/** Sends `{"code", "message"}`, the form of every error. */
export function sendError(req: Request, res: Response, status: number, message: string): void {
  if (!req.complete) {
    // Whatever of the body is still on its way is not wanted: without this, Node would read all of it.
    res.set('Connection', 'close');
  }
  res.status(status).json({ code: status, message: redact(message) });
}

/** Answers 405 with what the route does understand, and OPTIONS with that alone. */
export function onlyMethods(...methods: readonly string[]): RequestHandler {
  const allow = methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', ');
  return (req, res) => {
    res.set('Allow', allow);
    if (req.method === 'OPTIONS') {
      res.status(204).end();
    } else {
      sendError(req, res, 405, `${req.method} is not possible at ${shortPath(req)}; ${allow} is.`);
    }
  };
}

export const unknownRoute: RequestHandler = (req, res) => {
  sendError(req, res, 404, `There is nothing at ${shortPath(req)}; GET /api lists what there is.`);
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
      logger.error({ err: error, method: req.method, path: shortPath(req) }, 'a request failed unexpectedly');
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
  return { status: 500, message: 'Something unexpected went wrong here; the log of the proxy says what.' };
}

/** Without the query, which may hold secrets. */
function shortPath(req: Request): string {
  return req.path.length > 100 ? `${req.path.slice(0, 100)}…` : req.path;
}
