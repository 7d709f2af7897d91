import { Router, type Request, type RequestHandler, type Response } from 'express';
import type { AnswerOf, BodyOf, OutputOf, Route, Routes } from '../route-table/route.js';
import { onlyMethods } from './answers.js';
import { readJsonBody } from './json-body.js';
import { parseBody } from './parse-body.js';
import { parseParameters } from './parse-parameters.js';

/** A request whose parameters and body have passed the schemas of its route. */
export interface Call<R extends Route = Route> {
  readonly params: OutputOf<R, 'params'>;
  readonly query: OutputOf<R, 'query'>;
  readonly body: BodyOf<R>;
  readonly req: Request;
  readonly res: Response;
}

/**
 * Answers a request. A route with a schema returns its answer; a route with a content type sends it; any other route
 * returns nothing. A thrown ChrysError becomes an error answer.
 */
type Handler<R extends Route> =
  undefined extends AnswerOf<R>
    ? (call: Call<R>) => void | Promise<void>
    : (call: Call<R>) => AnswerOf<R> | Promise<AnswerOf<R>>;

type AnyHandler = (call: Call) => unknown;

/** One handler for each route of a table, under the same operation id. */
export type Handlers<T extends Routes> = { readonly [Id in keyof T]: Handler<T[Id]> };

/** Serves the routes of a table. Other methods at their paths are answered with 405. */
export function routerOf<T extends Routes>(routes: T, handlers: Handlers<T>): Router {
  const router = Router({ caseSensitive: true });
  for (const path of new Set(Object.values(routes).map((route) => route.path))) {
    const entries = Object.entries(routes).filter(([, route]) => route.path === path);
    const served = router.route(path);
    for (const [id, route] of entries) {
      served[route.method](handlerOf(route, handlers[id] as AnyHandler));
    }
    served.all(onlyMethods(...entries.map(([, { method }]) => method.toUpperCase())));
  }
  return router;
}

function handlerOf(route: Route, handler: AnyHandler): RequestHandler {
  return async (req, res) => {
    const call = {
      params: route.params && parseParameters(route.params, req.params),
      query: route.query && parseParameters(route.query, req.query),
      body: route.body && (await bodyOf(route.body, req)),
      req,
      res,
    } as Call;
    const value = await handler(call);
    if ('schema' in route.answer) res.status(route.answer.status).json(value);
    else if (!('contentType' in route.answer)) res.status(route.answer.status).end();
  };
}

async function bodyOf(body: NonNullable<Route['body']>, req: Request): Promise<unknown> {
  const value = (await readJsonBody(req)) ?? (body.optional === true ? {} : undefined);
  return 'parse' in body ? body.parse(value) : parseBody(body.schema, value);
}
