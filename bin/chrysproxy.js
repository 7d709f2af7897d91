#!/usr/bin/env node
import { existsSync } from 'node:fs';

const entry = new URL('../dist/cli/main.js', import.meta.url);
if (existsSync(entry)) {
  const { run } = await import(entry.href);
  process.exit(await run(process.argv.slice(2)));
} else {
  console.error('chrysproxy is not built yet. Run bin/setup in its folder.');
  process.exit(1);
}
