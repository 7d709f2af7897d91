import type { Request, RequestHandler } from 'express';
import { ChrysError } from '../../base/errors.js';

const MAX_BYTES = 64 * 1024;
/** So much of a body that is too long is still read, because a client that is cut off in mid-body sees no answer. */
const MAX_DISCARDED_BYTES = 1024 * 1024;

/**
 * Puts the JSON of the body, undefined when it is empty, into `req.body`. The announced type does not count: scripts
 * with `curl -d` announce a form and send JSON. Express' own parser reads a body to its end before it refuses it.
 */
export const jsonBody: RequestHandler = async (req, _res, next) => {
  const encoding = req.get('content-encoding') ?? 'identity';
  if (encoding !== 'identity') {
    throw new ChrysError('invalid_argument', 'The body is compressed; send it as it is, without Content-Encoding.');
  }
  const bytes = await readBody(req);
  req.body = bytes.length === 0 ? undefined : parse(bytes);
  next();
};

async function readBody(req: Request): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let total = 0;
  if (Number(req.get('content-length') ?? 0) > MAX_DISCARDED_BYTES) {
    throw tooLarge();
  }
  // Left before the end, the loop would destroy the connection and with it the answer.
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

/** The parser's own message would quote the body, and with it a password. */
function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new ChrysError('invalid_argument', 'The body is not valid JSON in UTF-8; send a JSON object.');
  }
}

function tooLarge(): ChrysError {
  return new ChrysError('payload_too_large', `The body is too large: at most ${MAX_BYTES} bytes are read.`);
}
