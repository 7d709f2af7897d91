import { readFileSync } from 'node:fs';
import { Router, type Response } from 'express';
import { ChrysError, messageOf } from '../../base/errors.js';
import { onlyMethods } from './answers.js';

/** The files of the page. The folder is next to `src` in a checkout and next to `dist` in an installation. */
const FOLDER = new URL('../../../web/', import.meta.url);

const HTML = 'text/html; charset=utf-8';
const CSS = 'text/css; charset=utf-8';
const SCRIPT = 'text/javascript; charset=utf-8';
const ICON = 'image/svg+xml';

const SCRIPTS = [
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
];

/** Everything that is served below /portal/, so that the path of a request never becomes the path of a file. */
const FILES: readonly (readonly [file: string, type: string])[] = [
  ['style.css', CSS],
  ['icon.svg', ICON],
  ...SCRIPTS.map((name) => [`${name}.js`, SCRIPT] as const),
];

/** Allows scripts, styles and pictures of this server, and nothing inline. */
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

export interface Page {
  /** Sends the page itself. */
  send(res: Response): void;
  /** Serves the files that belong to it. */
  readonly files: Router;
}

/** Reads the page with the cameras. Throws failed_precondition when the installation lacks a file of it. */
export function readPage(): Page {
  const html = read('index.html');
  const files = Router({ caseSensitive: true });
  for (const [file, type] of FILES) {
    const content = read(file);
    files
      .route(`/portal/${file}`)
      .get((_req, res) => {
        sendContent(res, content, type);
      })
      .all(onlyMethods('GET'));
  }
  return {
    send: (res) => {
      sendContent(res, html, HTML);
    },
    files,
  };
}

function sendContent(res: Response, content: Buffer, type: string): void {
  res.set('Content-Security-Policy', POLICY).set('Content-Type', type).send(content);
}

function read(file: string): Buffer {
  try {
    return readFileSync(new URL(file, FOLDER));
  } catch (error) {
    throw new ChrysError(
      'failed_precondition',
      `The file ${file} of the page is missing: install the folder web, too (${messageOf(error)}).`,
      { cause: error },
    );
  }
}
