/** Compares the answers of the REST interface with the schemas of the route table. */
import { ROUTE_TABLE } from '../../src/rest/route-table/index.js';
import type { Route } from '../../src/rest/route-table/route.js';

const ROUTES = ROUTE_TABLE.flatMap(({ routes }) => Object.entries(routes)).map(([id, route]) => ({
  id,
  route,
  pattern: new RegExp(`^${route.path.replaceAll('.', '\\.').replaceAll(/:\w+/g, '[^/]+')}$`),
}));

/** The operation ids of all routes with a schema for their answer. */
export const CHECKED_ROUTES = ROUTES.filter(({ route }) => 'schema' in route.answer).map(({ id }) => id);

/**
 * Throws when the answer does not have exactly the fields of its route's schema. Returns the operation id of the route;
 * undefined when there is nothing to compare: an error, an unknown route, or a route without a schema.
 */
export function checkAnswer(method: string, url: string, status: number, text: string): string | undefined {
  const found = routeOf(method, url);
  if (found === undefined || !('schema' in found.route.answer) || status !== found.route.answer.status)
    return undefined;
  const parsed = found.route.answer.schema.safeParse(JSON.parse(text));
  if (!parsed.success) throw new Error(`${method} ${url} does not answer as declared: ${parsed.error.message}`);
  return found.id;
}

/** The first route that matches, since Express takes the first, too. */
function routeOf(method: string, url: string): { readonly id: string; readonly route: Route } | undefined {
  const [path = ''] = url.split('?', 1);
  return ROUTES.find(({ route, pattern }) => route.method === method.toLowerCase() && pattern.test(path));
}
