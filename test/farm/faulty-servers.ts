/** Small TCP servers that misbehave like cameras. Each listens on a free port of 127.0.0.1. */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

export interface FaultyServer {
  readonly url: string;
  readonly port: number;
  /** When each connection was made, milliseconds since the epoch. */
  readonly connectionsMs: readonly number[];
  /** When each connection ended, milliseconds since the epoch. */
  readonly closedMs: readonly number[];
  /** Number of received RTSP requests. */
  readonly requests: () => number;
  stop(): Promise<void>;
}

type Behaviour = (socket: Socket, onRequest: (answer: (request: RtspRequest) => void) => void) => void;

interface RtspRequest {
  readonly method: string;
  readonly url: string;
  readonly cseq: string;
}

async function listen(behaviour: Behaviour): Promise<FaultyServer> {
  const sockets = new Set<Socket>();
  const connectionsMs: number[] = [];
  const closedMs: number[] = [];
  let requestCount = 0;
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    connectionsMs.push(Date.now());
    socket.on('close', () => {
      sockets.delete(socket);
      closedMs.push(Date.now());
    });
    socket.on('error', () => undefined);
    let answer: ((request: RtspRequest) => void) | undefined;
    behaviour(socket, (given) => {
      answer = given;
    });
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        const head = text.slice(0, end);
        text = text.slice(end + 4);
        requestCount += 1;
        const [method = '', url = ''] = head.split(' ');
        answer?.({ method, url, cseq: /^cseq:\s*(\d+)/im.exec(head)?.[1] ?? '0' });
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `rtsp://127.0.0.1:${port}/camera`,
    connectionsMs,
    closedMs,
    requests: () => requestCount,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Accepts and never answers. */
export function silentServer(): Promise<FaultyServer> {
  return listen(() => undefined);
}

/** Answers each request correctly, one byte per second. */
export function drippingServer(): Promise<FaultyServer> {
  return listen((socket, onRequest) => {
    onRequest(({ cseq }) => {
      const answer = `RTSP/1.0 200 OK\r\nCSeq: ${cseq}\r\nPublic: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n\r\n`;
      let at = 0;
      const timer = setInterval(() => {
        if (at === answer.length || socket.destroyed) clearInterval(timer);
        else socket.write(answer.charAt(at++));
      }, 1000);
      socket.on('close', () => {
        clearInterval(timer);
      });
    });
  });
}

/** Answers OPTIONS with 200 and all other requests with this status. 401 always has a challenge. */
export function statusServer(status: number, reason: string): Promise<FaultyServer> {
  return listen((socket, onRequest) => {
    onRequest(({ method, cseq }) => {
      const challenge = status === 401 ? 'WWW-Authenticate: Digest realm="camera", nonce="0badc0de"\r\n' : '';
      const [code, text] = method === 'OPTIONS' ? [200, 'OK'] : [status, reason];
      const allowed = 'Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n';
      socket.write(`RTSP/1.0 ${code} ${text}\r\nCSeq: ${cseq}\r\n${allowed}${code === 200 ? '' : challenge}\r\n`);
    });
  });
}

/** Closes each connection after `afterMs`. */
export function closingServer(afterMs: number): Promise<FaultyServer> {
  return listen((socket) => {
    const timer = setTimeout(() => socket.destroy(), afterMs);
    socket.on('close', () => {
      clearTimeout(timer);
    });
  });
}

/** Describes a session with audio and without video. */
export function audioOnlyServer(): Promise<FaultyServer> {
  return listen((socket, onRequest) => {
    onRequest(({ method, url, cseq }) => {
      const sdp = 'v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=audio\r\nt=0 0\r\nm=audio 0 RTP/AVP 0\r\na=control:track1\r\n';
      const body = method === 'DESCRIBE' ? sdp : '';
      const about = body === '' ? '' : `Content-Type: application/sdp\r\nContent-Base: ${url}/\r\n`;
      const session = method === 'SETUP' ? 'Session: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n' : '';
      const allowed = 'Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n';
      const head = `RTSP/1.0 200 OK\r\nCSeq: ${cseq}\r\n${allowed}${session}${about}`;
      socket.write(`${head}Content-Length: ${body.length}\r\n\r\n${body}`);
    });
  });
}

/** URL of a port where nothing listens. */
export async function refusedUrl(): Promise<string> {
  const server = await closingServer(0);
  await server.stop();
  return server.url;
}
