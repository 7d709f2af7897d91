import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { Router, type Response } from 'express';
import { onlyMethods } from './answers.js';

/** Swagger UI, a viewer of OpenAPI documents. */
const VIEWER = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));

const VIEWER_FILES = ['swagger-ui.css', 'swagger-ui-bundle.js'];

/** Allows scripts and styles of this server, and the pictures that the style sheet has inline. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ');

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>chrysproxy: REST documentation</title>
<link rel="icon" href="/portal/icon.svg">
<link rel="stylesheet" href="/api/docs/swagger-ui.css">
<script defer src="/api/docs/swagger-ui-bundle.js"></script>
<script defer src="/api/docs/start.js"></script>
</head>
<body>
<noscript>This page needs JavaScript. <a href="/api">The list of routes</a> does not.</noscript>
<main id="docs"></main>
</body>
</html>
`;

/** `validatorUrl`: the viewer must not send the document to its maker's validator. */
const START = `SwaggerUIBundle({
  url: '/api/openapi.json',
  dom_id: '#docs',
  deepLinking: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  displayOperationId: true,
  showExtensions: true,
  tryItOutEnabled: false,
  validatorUrl: null,
});
`;

/** Sends the page at /api/docs. */
export function sendDocsPage(res: Response): void {
  res.set('Content-Security-Policy', POLICY).type('html').send(PAGE);
}

/** Serves the files of the page at /api/docs. `viewer` is the folder of Swagger UI. */
export function docsFiles(viewer = VIEWER): Router {
  const router = Router({ caseSensitive: true });
  for (const file of VIEWER_FILES) {
    router
      .route(`/api/docs/${file}`)
      .get((_req, res) => {
        // With `root`, a folder in its path may begin with a dot; Express would not serve the file otherwise.
        res.sendFile(file, { root: viewer, cacheControl: false });
      })
      .all(onlyMethods('GET'));
  }
  router
    .route('/api/docs/start.js')
    .get((_req, res) => void res.type('js').send(START))
    .all(onlyMethods('GET'));
  return router;
}
