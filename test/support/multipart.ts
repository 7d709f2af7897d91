/** Reads multipart/form-data as RFC 7578 has it. Shares no code with the proxy. */
export interface ReceivedPart {
  readonly name: string;
  /** '' = it is a field, and no file. */
  readonly fileName: string;
  readonly contentType: string;
  readonly bytes: Buffer;
}

/** Throws when the body is not of that form. */
export function partsOf(contentType: string, body: Buffer): ReceivedPart[] {
  const boundary = /^multipart\/form-data; boundary=([\w-]{1,70})$/.exec(contentType)?.[1];
  if (boundary === undefined) throw new Error(`no multipart/form-data: ${contentType}`);
  const parts: ReceivedPart[] = [];
  const first = Buffer.from(`--${boundary}\r\n`);
  if (!body.subarray(0, first.length).equals(first)) throw new Error('the body does not begin with its boundary');
  let at = first.length;
  for (;;) {
    const headEnd = body.indexOf('\r\n\r\n', at);
    const end = body.indexOf(`\r\n--${boundary}`, headEnd);
    if (headEnd < 0 || end < 0) throw new Error(`the part at ${at} has no end`);
    parts.push({ ...headersOf(body.toString('latin1', at, headEnd)), bytes: body.subarray(headEnd + 4, end) });
    at = end + 4 + boundary.length;
    const mark = body.toString('latin1', at, at + 2);
    if (mark === '--') break;
    if (mark !== '\r\n') throw new Error(`after a boundary comes ${JSON.stringify(mark)}`);
    at += 2;
  }
  if (at + 4 !== body.length) throw new Error('there is something behind the last boundary');
  return parts;
}

function headersOf(head: string): Omit<ReceivedPart, 'bytes'> {
  const form = /^Content-Disposition: form-data; name="([^"]+)"(?:; filename="([^"]+)")?\r\nContent-Type: (\S+)$/;
  const [, name, fileName = '', contentType] = form.exec(head) ?? [];
  if (name === undefined || contentType === undefined) throw new Error(`strange headers of a part: ${head}`);
  return { name, fileName, contentType };
}
