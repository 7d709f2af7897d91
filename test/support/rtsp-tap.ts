/** A relay in front of an RTSP server. It records requests and answers over TCP. UDP does not pass through it. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

const REQUEST_LINE = /^([A-Z_]+) \S+ RTSP\/1\.0\r?$/gm;
const STATUS_LINE = /^RTSP\/1\.0 (\d{3}) .*\r?$/gm;

export class RtspTap {
  /** Methods of the requests, in order. */
  readonly requests: string[] = [];
  /** Status codes of the answers, in order. */
  readonly answers: number[] = [];
  readonly #sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly serverPort: number,
  ) {
    server.on('connection', (client) => {
      this.#relay(client);
    });
  }

  static async start(serverPort: number): Promise<RtspTap> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new RtspTap(server, serverPort);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  #relay(client: Socket): void {
    const camera = connect(this.serverPort, '127.0.0.1');
    for (const [from, to] of [
      [client, camera],
      [camera, client],
    ] as const) {
      this.#sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => this.#sockets.delete(from));
      from.on('data', (data: Buffer) => {
        const text = data.toString('latin1');
        if (from === client) for (const [, method = ''] of text.matchAll(REQUEST_LINE)) this.requests.push(method);
        else for (const [, status] of text.matchAll(STATUS_LINE)) this.answers.push(Number(status));
      });
      from.pipe(to);
    }
  }
}
