import type { Request } from 'express';
import { ChrysError } from '../../base/errors.js';

const MAX_BYTES = 64 * 1024;
/** A body that is too long is read up to this length, because a client that is cut off while it sends sees no answer. */
const MAX_DISCARDED_BYTES = 1024 * 1024;

/**
 * Reads the JSON of the body; undefined when the body is empty. Ignores its Content-Type: scripts with `curl -d` declare
 * a form and send JSON. The parser of Express is not used, because it reads a body to its end before it refuses it.
 * Throws invalid_argument, and payload_too_large.
 */
export async function readJsonBody(req: Request): Promise<unknown> {
  const encoding = req.get('content-encoding') ?? 'identity';
  if (encoding !== 'identity') {
    throw new ChrysError('invalid_argument', 'The body is compressed; send it without Content-Encoding.');
  }
  const bytes = await readBody(req);
  return bytes.length === 0 ? undefined : parse(bytes);
}

async function readBody(req: Request): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let total = 0;
  if (Number(req.get('content-length') ?? 0) > MAX_DISCARDED_BYTES) {
    throw tooLarge();
  }
  // A loop that ends early must not destroy the connection, which has to carry the answer.
  for await (const chunk of req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    total += chunk.length;
    if (total <= MAX_BYTES) {
      chunks.push(chunk);
    } else if (total > MAX_DISCARDED_BYTES) {
      break;
    }
  }
  if (total > MAX_BYTES) {
    throw tooLarge();
  }
  return Buffer.concat(chunks);
}

/** Hides the message of the parser, which quotes the body and may thus contain a password. */
function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new ChrysError('invalid_argument', 'The body is not valid JSON in UTF-8; send a JSON object.');
  }
}

function tooLarge(): ChrysError {
  return new ChrysError('payload_too_large', `The body is longer than ${MAX_BYTES} bytes.`);
}
