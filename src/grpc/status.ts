import { status, type StatusObject } from '@grpc/grpc-js';

import { ChrysError, messageOf } from '../base/errors.js';
import { redact } from '../base/redact.js';

/** The gRPC status of a thrown value. */
export function statusOf(error: unknown): Pick<StatusObject, 'code' | 'details'> {
  // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- ERROR_KINDS has gRPC's own numbers, but src/base does not import grpc-js
  if (error instanceof ChrysError) return { code: error.grpcStatus, details: redact(error.message) };
  return { code: status.INTERNAL, details: `Internal error: ${redact(messageOf(error))}` };
}
