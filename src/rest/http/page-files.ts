import { readFileSync } from 'node:fs';
import type { RequestHandler } from 'express';
import { ChrysError, messageOf } from '../../base/errors.js';

/** Browsers get these files as they are, from `src` in a checkout and beside `dist` in an installation alike. */
const FOLDER = new URL('../../../web/', import.meta.url);

const HTML = 'text/html; charset=utf-8';
const CSS = 'text/css; charset=utf-8';
const SCRIPT = 'text/javascript; charset=utf-8';
const ICON = 'image/svg+xml';

/** Everything that is served, so that no path of a request ever becomes a path of a file. */
const FILES: readonly (readonly [route: string, file: string, type: string])[] = [
  ['/', 'index.html', HTML],
  ['/portal/style.css', 'style.css', CSS],
  ['/portal/icon.svg', 'icon.svg', ICON],
  ...[
    'main',
    'api',
    'camera-card',
    'camera-list',
    'dialogs',
    'elements',
    'add-form',
    'annotations-panel',
    'cloud-form',
    'figures',
    'pictures',
    'recording-row',
    'rtmp-rows',
    'switch-row',
  ].map((name) => [`/portal/${name}.js`, `${name}.js`, SCRIPT] as const),
];

/** Scripts, styles and pictures of this server alone, and nothing inline. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ');

export interface PageFile {
  readonly route: string;
  readonly handler: RequestHandler;
}

/** The page at `/` and what belongs to it, read once. Throws failed_precondition when the installation lacks a file. */
export function pageFiles(): PageFile[] {
  return FILES.map(([route, file, type]) => {
    const content = read(file);
    return {
      route,
      handler: (_req, res) => {
        res.set('Content-Security-Policy', POLICY).set('Content-Type', type).send(content);
      },
    };
  });
}

function read(file: string): Buffer {
  try {
    return readFileSync(new URL(file, FOLDER));
  } catch (error) {
    throw new ChrysError(
      'failed_precondition',
      `the page's file ${file} is missing: install the folder web, too (${messageOf(error)})`,
      { cause: error },
    );
  }
}
