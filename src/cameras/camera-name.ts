import { ChrysError } from '../base/errors.js';

const CAMERA_NAME = /^(?!\.)[A-Za-z0-9._-]{1,128}$/;
const MOST_SHOWN = 60;

/** Throws invalid_argument. The name is part of URLs, file names and metrics, so few characters are allowed. */
export function checkCameraName(name: string): void {
  if (CAMERA_NAME.test(name)) return;
  const shown = JSON.stringify(name.length > MOST_SHOWN ? `${name.slice(0, MOST_SHOWN)}…` : name);
  throw new ChrysError(
    'invalid_argument',
    `${shown} cannot be a camera's name: 1 to 128 of the characters A-Z a-z 0-9 . _ - are allowed, and no dot at the beginning`,
  );
}
