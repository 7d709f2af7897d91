/** Answers to DESCRIBE that try to exhaust the client. */
import type { Socket } from 'node:net';
import type { HostileOptions } from './options.js';

const EVERY_MS = 5;
const MAX_PENDING_BYTES = 1 << 20;

/** Writes until the returned timer is cleared. */
export function answerHostilely(
  kind: NonNullable<HostileOptions['describe']>,
  cseq: string,
  socket: Socket,
): NodeJS.Timeout {
  const head = `RTSP/1.0 200 OK\r\nCSeq: ${cseq}\r\n`;
  const body = `${head}Content-Type: application/sdp\r\nContent-Length: `;
  const beginnings = {
    'endless-headers': head,
    'endless-line': `${head}X-Long: `,
    'endless-sdp': `${body}2000000000\r\n\r\nv=0\r\n`,
    'huge-length': `${body}18446744073709551617\r\n\r\nv=0\r\n`,
  };
  const parts = {
    'endless-headers': 'X-Header: value\r\n',
    'endless-line': 'abcdefghijklmnop',
    'endless-sdp': 'a=nothing:to say\r\n',
    'huge-length': '',
  };
  socket.write(beginnings[kind]);
  return setInterval(() => {
    if (socket.writable && socket.writableLength < MAX_PENDING_BYTES) socket.write(parts[kind].repeat(1000));
  }, EVERY_MS);
}
