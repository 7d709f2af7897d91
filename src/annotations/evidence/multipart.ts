import { createHash } from 'node:crypto';

export interface FormPart {
  readonly name: string;
  /** Undefined: the part is a field and not a file. */
  readonly fileName?: string;
  readonly contentType: string;
  readonly bytes: Uint8Array;
}

export interface Form {
  readonly contentType: string;
  readonly body: Buffer;
}

/**
 * Makes a body of multipart/form-data (RFC 7578). Names must be plain ASCII. The boundary is a hash of the parts, so that
 * equal parts give equal bytes and no part contains the boundary.
 */
export function formOf(parts: readonly FormPart[]): Form {
  const hash = createHash('sha256');
  for (const { bytes } of parts) hash.update(bytes);
  const boundary = `chrysproxy-${hash.digest('hex').slice(0, 40)}`;
  const pieces: Uint8Array[] = [];
  for (const { name, fileName, contentType, bytes } of parts) {
    const file = fileName === undefined ? '' : `; filename="${fileName}"`;
    const head =
      `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${file}\r\n` +
      `Content-Type: ${contentType}\r\n\r\n`;
    pieces.push(Buffer.from(head), bytes, Buffer.from('\r\n'));
  }
  pieces.push(Buffer.from(`--${boundary}--\r\n`));
  return { contentType: `multipart/form-data; boundary=${boundary}`, body: Buffer.concat(pieces) };
}
