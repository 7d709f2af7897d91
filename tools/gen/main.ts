import { readFile, writeFile } from 'node:fs/promises';
import * as prettier from 'prettier';
import { cliPage } from './cli-page.js';
import { configPage } from './config-page.js';
import { defaultConfig } from './default-config.js';
import { errorsPage } from './errors-page.js';
import type { GeneratedFile } from './generated-file.js';
import { openApiFile } from './openapi-file.js';
import { restPage } from './rest-page.js';
import { webTypes } from './web-types.js';

/**
 * Writes the files that are generated from the source code; `npm run gen` calls it from the root of the repository.
 * With `--check` it writes nothing, names every file that is out of date, and exits with 1 if there is one.
 */
const GENERATORS: readonly (() => GeneratedFile | Promise<GeneratedFile>)[] = [
  defaultConfig,
  configPage,
  errorsPage,
  cliPage,
  openApiFile,
  restPage,
  webTypes,
];

const isCheck = process.argv.includes('--check');
for (const generate of GENERATORS) {
  const { path, text } = await generate();
  const expected = await formatted(path, text);
  if (expected === (await readFile(path, 'utf8').catch(() => ''))) {
    continue;
  }
  if (isCheck) {
    console.error(`${path} is out of date: run "npm run gen" and commit the result.`);
    process.exitCode = 1;
  } else {
    await writeFile(path, expected);
    console.log(`${path} is written.`);
  }
}

/** Formats the text as `npm run format` does, so that both agree. Markdown is left as it is. */
async function formatted(path: string, text: string): Promise<string> {
  const { ignored } = await prettier.getFileInfo(path, { ignorePath: '.prettierignore' });
  const options = await prettier.resolveConfig(path);
  return ignored ? text : await prettier.format(text, { ...options, filepath: path });
}
