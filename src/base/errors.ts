/**
 * Every error that a user can see is one kind, and each kind maps once to a gRPC status and an HTTP status.
 * Messages say what was wrong, with which value, and what to do. A URL in a message must be masked with `redact`.
 * docs/reference/errors.md shows `meaning`.
 */
export const ERROR_KINDS = {
  invalid_argument: {
    grpc: 3,
    http: 400,
    meaning: 'A value is not allowed. The message names the field or key, the value and what is allowed.',
  },
  unauthenticated: {
    grpc: 16,
    http: 401,
    meaning: 'A stream that was probed needs another user name or password.',
  },
  permission_denied: {
    grpc: 7,
    http: 403,
    meaning:
      'The caller may not do this: a page of another site tried to change something, the cloud refuses the edge key, or the user of a probed stream may not view it.',
  },
  not_found: {
    grpc: 5,
    http: 404,
    meaning: 'There is no camera of that name, no such clip or file, or nothing recorded there.',
  },
  already_exists: {
    grpc: 6,
    http: 409,
    meaning: 'A camera or clip of that name exists already. Remove it first, or choose another name.',
  },
  failed_precondition: {
    grpc: 9,
    http: 412,
    meaning: 'Something else must be corrected first; the message says what.',
  },
  payload_too_large: {
    grpc: 8,
    http: 413,
    meaning: 'The body of the request is too long.',
  },
  resource_exhausted: {
    grpc: 8,
    http: 429,
    meaning:
      'A limit is reached: cameras, waiting snapshots, waiting annotations, the disk. Remove something, or try again later.',
  },
  internal: {
    grpc: 13,
    http: 500,
    meaning: 'A fault of the proxy. Its log has the details; please report it.',
  },
  unimplemented: {
    grpc: 12,
    http: 501,
    meaning: 'This version does not support this.',
  },
  unavailable: {
    grpc: 14,
    http: 503,
    meaning:
      'The camera is not connected, the cloud does not answer, the proxy is starting or stopping, evidence is still being made, or the disk does not answer. Try again later.',
  },
  deadline_exceeded: {
    grpc: 4,
    http: 504,
    meaning: 'The camera is connected and delivered no frame in time, or an annotation was not stored in time.',
  },
} as const;

export type ErrorKind = keyof typeof ERROR_KINDS;

export class ChrysError extends Error {
  override readonly name = 'ChrysError';

  constructor(
    readonly kind: ErrorKind,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  get httpStatus(): number {
    return ERROR_KINDS[this.kind].http;
  }

  get grpcStatus(): number {
    return ERROR_KINDS[this.kind].grpc;
  }
}

/** The message of a thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The error of a call that arrives while the proxy stops. `advice` tells the caller what to do. */
export function shuttingDown(advice = 'try again later'): ChrysError {
  return new ChrysError('unavailable', `The proxy is shutting down: ${advice}.`);
}
