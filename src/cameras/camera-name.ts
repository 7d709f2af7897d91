import { ChrysError } from '../base/errors.js';

/** The original's names are those of Docker containers, so this loses none of them. */
export const CAMERA_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const MAX_SHOWN = 60;

export function isCameraName(name: string): boolean {
  return CAMERA_NAME.test(name);
}

/** Gives the name back. Throws invalid_argument: it becomes part of paths, page addresses and metrics, so it is kept plain. */
export function checkCameraName(name: string): string {
  if (isCameraName(name)) return name;
  throw new ChrysError(
    'invalid_argument',
    `name: ${shortened(name)} is not allowed; a camera's name has 1 to 128 of the characters A-Z a-z 0-9 . _ - and ` +
      'begins with a letter or a digit.',
  );
}

function shortened(name: string): string {
  const text = JSON.stringify(name);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN - 3)}…" (${name.length} characters)` : text;
}
