/** A fake camera: an RTSP server with its own port. */
import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:tls';
import { Authenticator } from './authenticator.js';
import { hugeSps } from './bits.js';
import { type Clip, loadClip, nalType } from './clip.js';
import { Connection } from './connection.js';
import { Counters, wallUs } from './counters.js';
import type { CameraCounts, CameraOptions } from './options.js';
import type { Command } from './protocol.js';
import { Sessions } from './sessions.js';
import type { Switches } from './streams.js';

const DEFAULT_CLIP = 'h264-320x240-25-g25-4s';
const HUGE_PIXELS = 16_384;

export class FakeCamera {
  readonly #counters = new Counters();
  readonly #sessions = new Sessions(this.#counters, () => this.#options.session ?? {});
  readonly #switches: Switches = { frozen: false, drop: 0 };
  readonly #connections = new Set<Connection>();
  #options: CameraOptions;
  #authenticator: Authenticator | undefined;
  #tlsServer: TlsServer | undefined;
  #port = 0;

  private constructor(options: CameraOptions) {
    this.#options = options;
    this.#use(options);
  }

  static async start(options: CameraOptions): Promise<FakeCamera> {
    const camera = new FakeCamera(options);
    const onConnection = (socket: Socket): void => {
      camera.#accept(socket);
    };
    const { tls, host = '127.0.0.1' } = options;
    if (tls !== undefined) camera.#tlsServer = createTlsServer(certificate(tls), onConnection);
    const server = camera.#tlsServer ?? createServer(onConnection);
    // The client ends its handshake early.
    server.on('tlsClientError', () => undefined);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, host, resolve);
    });
    camera.#port = (server.address() as AddressInfo).port;
    return camera;
  }

  get port(): number {
    return this.#port;
  }

  do(command: Command): CameraCounts {
    switch (command.do) {
      case 'counts':
        break;
      case 'freeze':
      case 'thaw':
        this.#switches.frozen = command.do === 'freeze';
        break;
      case 'disconnect':
        for (const connection of this.#connections) connection.close(command.reset);
        break;
      case 'end-sessions':
        this.#sessions.endAll();
        break;
      case 'drop':
        this.#switches.drop += command.packets;
        break;
      case 'change':
        this.#options = { ...this.#options, ...command.options };
        this.#use(command.options);
        break;
    }
    return this.#counters.told({ connections: this.#connections.size, sessions: this.#sessions.count });
  }

  #use(options: CameraOptions): void {
    if (options.auth !== undefined) this.#authenticator = new Authenticator(options.auth);
    if (options.tls !== undefined) this.#tlsServer?.setSecureContext(certificate(options.tls));
  }

  #accept(socket: Socket): void {
    // A reachability probe, which sends nothing, does not count.
    const number = this.#counters.plays;
    this.#counters.connections += 1;
    this.#counters.openedUs = wallUs();
    const connection = new Connection(socket, {
      options: this.#options,
      clips: this.#clips(number),
      counters: this.#counters,
      sessions: this.#sessions,
      switches: this.#switches,
      authenticator: this.#authenticator,
      port: this.#port,
      first: number === 0,
    });
    this.#connections.add(connection);
    socket.on('close', () => this.#connections.delete(connection));
  }

  #clips(session: number): readonly Clip[] {
    const { video = {}, hostile = {} } = this.#options;
    const named = video.clip ?? DEFAULT_CLIP;
    const names = typeof named === 'string' ? [named] : named;
    const chosen = video.alternate ? names : [names[Math.min(session, names.length - 1)] ?? DEFAULT_CLIP];
    const clips = chosen.map(loadClip);
    return hostile.stream === 'huge-sps'
      ? clips.map((clip) => withHugeSps(clip, hostile.pixels ?? HUGE_PIXELS))
      : clips;
  }
}

function certificate({ cert, key }: { readonly cert: string; readonly key: string }): { cert: Buffer; key: Buffer } {
  return { cert: readFileSync(cert), key: readFileSync(key) };
}

function withHugeSps(clip: Clip, pixels: number): Clip {
  const huge = hugeSps(pixels, pixels);
  const replaced = (nals: readonly Buffer[]): Buffer[] =>
    nals.map((nal) => (clip.codec === 'h264' && nalType(clip.codec, nal) === 7 ? huge : nal));
  const units = clip.units.map((unit) => ({ ...unit, nals: replaced(unit.nals) }));
  return { ...clip, units, sets: replaced(clip.sets) };
}
