import { readFileSync } from 'node:fs';
import { openApiDocument } from '../../src/rest/route-table/openapi.js';
import type { GeneratedFile } from './generated-file.js';

/** docs/reference/openapi.json, as GET /api/openapi.json answers it. */
export function openApiFile(): GeneratedFile {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { readonly version: string };
  return { path: 'docs/reference/openapi.json', text: `${JSON.stringify(openApiDocument(version), undefined, 2)}\n` };
}
