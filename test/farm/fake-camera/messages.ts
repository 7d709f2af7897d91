/** Reads and writes RTSP messages (RFC 2326) as a camera. */

export interface Incoming {
  readonly kind: 'request' | 'answer' | 'data';
  readonly method: string;
  readonly uri: string;
  readonly head: string;
  readonly body: string;
  /** Only for interleaved data: the channel and the payload. */
  readonly channel: number;
  readonly data: Buffer;
}

/** Headers of a message. Names are compared without case. */
export function header(head: string, name: string): string {
  return new RegExp(`^${name}:[ \\t]*(.*?)\\r?$`, 'im').exec(head)?.[1] ?? '';
}

/** Parses the messages of a client. It has no limits, because the client under test follows the RFC. */
export class Reader {
  #pending = Buffer.alloc(0);

  push(chunk: Buffer): Incoming[] {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    const items: Incoming[] = [];
    for (let item = this.#next(); item !== undefined; item = this.#next()) items.push(item);
    return items;
  }

  #next(): Incoming | undefined {
    const none = { method: '', uri: '', head: '', body: '', channel: 0, data: Buffer.alloc(0) };
    const bytes = this.#pending;
    if (bytes[0] === 0x24) {
      if (bytes.length < 4 || bytes.length < 4 + bytes.readUInt16BE(2)) return undefined;
      const end = 4 + bytes.readUInt16BE(2);
      this.#pending = bytes.subarray(end);
      return { ...none, kind: 'data', channel: bytes[1] ?? 0, data: bytes.subarray(4, end) };
    }
    const headEnd = bytes.indexOf('\r\n\r\n');
    if (headEnd < 0) return undefined;
    const head = bytes.toString('utf8', 0, headEnd);
    const size = Number(header(head, 'Content-Length') || '0');
    if (bytes.length < headEnd + 4 + size) return undefined;
    const body = bytes.toString('utf8', headEnd + 4, headEnd + 4 + size);
    this.#pending = bytes.subarray(headEnd + 4 + size);
    const [method = '', uri = ''] = head.split(' ', 2);
    const kind = head.startsWith('RTSP/') ? 'answer' : 'request';
    return { ...none, kind, method, uri, head, body };
  }
}

export const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  302: 'Moved Temporarily',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  453: 'Not Enough Bandwidth',
  454: 'Session Not Found',
  455: 'Method Not Valid in This State',
  459: 'Aggregate Operation Not Allowed',
  461: 'Unsupported Transport',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
  551: 'Option not supported',
};

export interface Answer {
  readonly status: number;
  /** Text after the status. Default: the usual text. */
  readonly text?: string | undefined;
  readonly lines?: readonly string[];
  readonly body?: string;
}

export interface AnswerForm {
  /** '' when the answer has none. */
  readonly cseq: string;
  readonly lineEnd: string;
  readonly odd: boolean;
}

export function answerText({ status, text, lines = [], body = '' }: Answer, form: AnswerForm): string {
  const folded = form.odd ? ['X-Note: this header', '\tgoes on in a second line'] : [];
  const head = [
    `RTSP/1.0 ${status} ${text ?? REASONS[status] ?? 'Error'}`,
    ...(form.cseq === '' ? [] : [`CSeq: ${form.cseq}`]),
    ...(form.odd ? [''] : []),
    'Server: fake camera',
    ...folded,
    ...lines,
    ...(body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]),
  ];
  return head.join(form.lineEnd) + form.lineEnd.repeat(2) + body;
}
