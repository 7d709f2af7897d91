import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { expect, it } from 'vitest';

import { docsFiles } from '../../../src/rest/http/docs-files.js';

it('the files of /api/docs are served from an installation below a folder that begins with a dot', async () => {
  const parent = mkdtempSync(join(tmpdir(), 'chrysproxy-docs-'));
  const viewer = join(parent, '.local', 'swagger-ui');
  mkdirSync(viewer, { recursive: true });
  writeFileSync(join(viewer, 'swagger-ui.css'), 'body {}');
  const server = createServer(express().use(docsFiles(viewer)));
  try {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const answer = await fetch(`http://127.0.0.1:${port}/api/docs/swagger-ui.css`);
    expect([answer.status, await answer.text()]).toEqual([200, 'body {}']);
  } finally {
    server.close();
    rmSync(parent, { recursive: true });
  }
});
