import { ChrysError } from '../base/errors.js';

/** The rule of Docker's container names, which the original proxy used: all its cameras keep their names. */
export const CAMERA_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const MAX_SHOWN = 60;

export function isCameraName(name: string): boolean {
  return CAMERA_NAME.test(name);
}

/** Returns the name. Throws invalid_argument when it has other characters: it becomes part of paths, URLs and metrics. */
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
