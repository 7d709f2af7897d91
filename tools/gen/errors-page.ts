import { status as GrpcStatus } from '@grpc/grpc-js';
import { ERROR_KINDS } from '../../src/base/errors.js';
import { reasonReference, REASONS } from '../../src/cameras/reasons.js';
import type { CameraReason } from '../../src/cameras/types.js';
import { HTTP_ONLY_STATUSES } from '../../src/rest/http/http-only-statuses.js';
import type { GeneratedFile } from './generated-file.js';
import { GENERATED_NOTE, table } from './markdown.js';

/** docs/reference/errors.md. */
export function errorsPage(): GeneratedFile {
  const kinds = Object.entries(ERROR_KINDS).map(([kind, { grpc, http, meaning }]) => [
    kind,
    `${GrpcStatus[grpc]} (${grpc})`,
    String(http),
    meaning,
  ]);
  const reasons = (Object.keys(REASONS) as CameraReason[]).map((reason) => {
    const { meaning, advice } = reasonReference(reason);
    return [reason, meaning, advice];
  });
  const text = `${GENERATED_NOTE}

# Errors

Every error has a kind, and every kind has one gRPC status and one HTTP status. The message says what was wrong, with which value, and what to do; passwords in it are masked. REST answers \`{"code": <HTTP status>, "message": "…"}\`.

${table(['kind', 'gRPC', 'HTTP', 'meaning'], kinds)}

REST has these statuses as well:

${table(['HTTP', 'meaning'], Object.entries(HTTP_ONLY_STATUSES))}

## Why a camera is not running

REST reports the reason as \`chrysproxy.reason\`, and sentences for people as \`chrysproxy.message\` and \`state.Error\`. Unless the table says otherwise, the proxy retries after about 1, 1, 2, 5, 10, 30 and then every 60 seconds. After a stream has run for 30 seconds, these delays start again from the first.

${table(['reason', 'meaning', 'what to do'], reasons)}
`;
  return { path: 'docs/reference/errors.md', text };
}
