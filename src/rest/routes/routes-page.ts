import { ROUTE_TABLE } from '../route-table/index.js';
import type { Route } from '../route-table/route.js';

/** The list of all routes, for a browser. It has no scripts and no styles: the content policy forbids both. */
export function routesPage(version: string): string {
  const groups = ROUTE_TABLE.map(
    ({ title, routes }) => `<h2>${escaped(title)}</h2>
<table>
${Object.values(routes).map(rowOf).join('\n')}
</table>`,
  );
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>chrysproxy: REST</title></head>
<body>
<h1>chrysproxy ${escaped(version)}</h1>
<p>Camera streams in, frames out. Frames come over gRPC; this is the REST interface. <a href="/api/docs">Its documentation</a>, <a href="/api/openapi.json">OpenAPI</a>, <a href="/">the cameras</a></p>
${groups.join('\n')}
</body>
</html>
`;
}

function rowOf({ method, path, summary }: Route): string {
  const isLink = method === 'get' && !path.includes(':');
  const address = isLink ? `<a href="${path}">${path}</a>` : path;
  return `<tr><td>${method.toUpperCase()}</td><td>${address}</td><td>${escaped(summary)}</td></tr>`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
