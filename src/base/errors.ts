/**
 * Every error that a user can see is one kind, and each kind maps once to a gRPC status and an HTTP status.
 * Messages say what was wrong, with which value, and what to do. Never put a URL into one before `redact`.
 */
export const ERROR_KINDS = {
  invalid_argument: { grpc: 3, http: 400 },
  unauthenticated: { grpc: 16, http: 401 },
  permission_denied: { grpc: 7, http: 403 },
  not_found: { grpc: 5, http: 404 },
  already_exists: { grpc: 6, http: 409 },
  failed_precondition: { grpc: 9, http: 412 },
  payload_too_large: { grpc: 8, http: 413 },
  resource_exhausted: { grpc: 8, http: 429 },
  internal: { grpc: 13, http: 500 },
  unimplemented: { grpc: 12, http: 501 },
  unavailable: { grpc: 14, http: 503 },
  deadline_exceeded: { grpc: 4, http: 504 },
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

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
