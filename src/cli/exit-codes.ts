import { ChrysError, type ErrorKind } from '../base/errors.js';

export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  noProxy: 3,
  notFound: 4,
  alreadyExists: 5,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Printed by `chrysproxy --help` and in docs/reference/cli.md. */
export const EXIT_TEXTS: Readonly<Record<ExitCode, string>> = {
  0: 'Success.',
  1: 'Failed; the message says why.',
  2: 'Wrong usage, a value that is not allowed, or a wrong configuration.',
  3: 'No proxy answers at the address.',
  4: 'There is no such camera, stream, file, clip or recording.',
  5: 'A camera, clip or file of that name exists already.',
};

/** Ends the command with this message and exit code. */
export class CliError extends Error {
  override readonly name = 'CliError';

  constructor(
    readonly exitCode: ExitCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

const CODE_OF_KIND: Partial<Record<ErrorKind, ExitCode>> = {
  invalid_argument: EXIT.usage,
  not_found: EXIT.notFound,
  already_exists: EXIT.alreadyExists,
};

const CODE_OF_STATUS: Readonly<Record<number, ExitCode>> = {
  400: EXIT.usage,
  404: EXIT.notFound,
  409: EXIT.alreadyExists,
};

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CliError) {
    return error.exitCode;
  }
  return error instanceof ChrysError ? (CODE_OF_KIND[error.kind] ?? EXIT.failed) : EXIT.failed;
}

export function exitCodeOfStatus(httpStatus: number): ExitCode {
  return CODE_OF_STATUS[httpStatus] ?? EXIT.failed;
}
