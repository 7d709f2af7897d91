/** A reader of multipart/form-data (RFC 7578). It shares no code with the proxy. */
export interface ReceivedPart {
  readonly name: string;
  /** '' for a field that is not a file. */
  readonly fileName: string;
  readonly contentType: string;
  readonly bytes: Buffer;
}

/** Throws when the body is malformed. */
export function partsOf(contentType: string, body: Buffer): ReceivedPart[] {
  const boundary = /^multipart\/form-data; boundary=([\w-]{1,70})$/.exec(contentType)?.[1];
  if (boundary === undefined) throw new Error(`Not multipart/form-data: ${contentType}`);
  const parts: ReceivedPart[] = [];
  const first = Buffer.from(`--${boundary}\r\n`);
  if (!body.subarray(0, first.length).equals(first)) throw new Error('The body does not begin with its boundary');
  let at = first.length;
  for (;;) {
    const headEnd = body.indexOf('\r\n\r\n', at);
    const end = body.indexOf(`\r\n--${boundary}`, headEnd);
    if (headEnd < 0 || end < 0) throw new Error(`The part at ${at} has no end`);
    parts.push({ ...headersOf(body.toString('latin1', at, headEnd)), bytes: body.subarray(headEnd + 4, end) });
    at = end + 4 + boundary.length;
    const mark = body.toString('latin1', at, at + 2);
    if (mark === '--') break;
    if (mark !== '\r\n') throw new Error(`A boundary is followed by ${JSON.stringify(mark)}`);
    at += 2;
  }
  if (at + 4 !== body.length) throw new Error('Data follows the last boundary');
  return parts;
}

function headersOf(head: string): Omit<ReceivedPart, 'bytes'> {
  const form = /^Content-Disposition: form-data; name="([^"]+)"(?:; filename="([^"]+)")?\r\nContent-Type: (\S+)$/;
  const [, name, fileName = '', contentType] = form.exec(head) ?? [];
  if (name === undefined || contentType === undefined) throw new Error(`Unexpected headers of a part: ${head}`);
  return { name, fileName, contentType };
}
