/** The camera's side of one RTSP connection. */
import type { Socket } from 'node:net';
import type { Authenticator } from './authenticator.js';
import type { Clip } from './clip.js';
import type { Counters } from './counters.js';
import { startFlood } from './floods.js';
import { answerHostilely } from './hostile-answers.js';
import { type Answer, answerText, header, type Incoming, Reader } from './messages.js';
import type { CameraOptions } from './options.js';
import { clockTime, describe, TRACKS, type Track } from './sdp.js';
import type { Session, Sessions } from './sessions.js';
import { AudioStream, type Switches, VideoStream } from './streams.js';
import { chooseTransport } from './transports.js';
import { modulo32 } from './rtp-track.js';

const DEFAULT_PUBLIC = 'OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER, SET_PARAMETER';
const DEFAULT_REQUEST_EVERY_MS = 1000;
const RECEIVER_REPORT = 201;
/** First byte of a TLS client hello. */
const TLS_HANDSHAKE = 0x16;

export interface CameraParts {
  readonly options: CameraOptions;
  readonly clips: readonly Clip[];
  readonly counters: Counters;
  readonly sessions: Sessions;
  readonly switches: Switches;
  readonly authenticator: Authenticator | undefined;
  readonly port: number;
  readonly first: boolean;
}

export class Connection {
  readonly #reader = new Reader();
  readonly #openedMs = performance.now();
  readonly #timers: NodeJS.Timeout[] = [];
  #session: Session | undefined;
  /** Requests are answered one after another, because SETUP waits for sockets. */
  #queue: Promise<void> = Promise.resolve();
  #requests = 0;
  #playAnswered = false;

  constructor(
    private readonly socket: Socket,
    private readonly parts: CameraParts,
  ) {
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      if (chunk[0] === TLS_HANDSHAKE) {
        socket.end('RTSP/1.0 400 Bad Request\r\n\r\n');
        return;
      }
      for (const item of this.#reader.push(chunk)) this.#take(item);
    });
    socket.on('end', () => socket.end());
    socket.on('close', () => {
      this.#closed();
    });
  }

  close(reset: boolean): void {
    if (reset) this.socket.resetAndDestroy();
    else this.socket.destroy();
  }

  #raw(bytes: Buffer | string): void {
    if (this.socket.writable) this.socket.write(bytes);
  }

  #interleave(channel: number, packet: Buffer): void {
    const head = Buffer.from([0x24, channel, packet.length >> 8, packet.length & 0xff]);
    this.#raw(Buffer.concat([head, packet]));
  }

  #closed(): void {
    for (const timer of this.#timers) clearInterval(timer);
    const session = this.#session;
    this.#session = undefined;
    if (session === undefined || this.parts.sessions.find(session.id) === undefined) return;
    this.parts.counters.withoutTeardown += 1;
    session.stop();
  }

  #take(item: Incoming): void {
    const { counters } = this.parts;
    if (this.parts.switches.frozen) return;
    if (item.kind === 'answer') counters.answers += 1;
    else if (item.kind === 'data') this.#rtcp(item.data, true);
    else this.#queue = this.#queue.then(() => this.#request(item));
  }

  #rtcp(packet: Buffer, interleaved: boolean): void {
    const { counters, options } = this.parts;
    if (packet[1] !== RECEIVER_REPORT) return;
    counters.receiverReports += 1;
    if (!this.#playAnswered) counters.earlyReports += 1;
    this.#signOfLife('rtcp');
    if (interleaved && options.rtsp?.refusesReports) this.#raw('RTSP/1.0 400 Bad Request\r\n\r\n');
  }

  #signOfLife(by: string): void {
    const { keptBy = 'any' } = this.parts.options.session ?? {};
    const session = this.#session;
    if (session !== undefined && (keptBy === 'any' || keptBy === by || !session.playing)) {
      session.lastSignMs = performance.now();
    }
  }

  async #request(request: Incoming): Promise<void> {
    const { counters, options, authenticator } = this.parts;
    const { method, uri, head, body } = request;
    counters.request(method, uri, header(head, 'User-Agent'));
    counters.lastHead = head;
    this.#requests += 1;
    const authorization = header(head, 'Authorization');
    if (authorization !== '') counters.authorizations += 1;
    if (options.rtsp?.answerDelayMs !== undefined) {
      await new Promise((resolve) => setTimeout(resolve, options.rtsp?.answerDelayMs));
    }
    if (authenticator !== undefined && method !== 'OPTIONS') {
      const verdict = authenticator.judge({ method, uri, body, authorization });
      if (verdict === 'wrong') counters.wrongAnswers += 1;
      if (verdict !== 'in') {
        counters.unauthorized += 1;
        this.#answer(request, { status: 401, lines: authenticator.challenges(verdict) });
        return;
      }
    }
    if (this.#session?.playing) {
      this.#signOfLife(method);
      if (!['PLAY', 'PAUSE', 'TEARDOWN'].includes(method)) counters.keepalives += 1;
    }
    const refusal = options.rtsp?.refuse?.[method];
    if (refusal !== undefined) this.#refuse(request, refusal, options.rtsp?.refusalText);
    else await this.#answerMethod(request);
  }

  async #answerMethod(request: Incoming): Promise<void> {
    const { options } = this.parts;
    const publicLine = `Public: ${options.rtsp?.public ?? DEFAULT_PUBLIC}`;
    switch (request.method) {
      case 'OPTIONS':
        this.#answer(request, { status: 200, lines: [publicLine] });
        break;
      case 'DESCRIBE':
        this.#describe(request, publicLine);
        break;
      case 'SETUP':
        await this.#setup(request);
        break;
      case 'PLAY':
        this.#play(request);
        break;
      case 'GET_PARAMETER': {
        const answer = options.session?.getParameter ?? 200;
        if (answer === 'silent') break;
        if (answer === 200) this.#answer(request, { status: 200 });
        else this.#refuse(request, answer);
        break;
      }
      case 'SET_PARAMETER':
        this.#answer(request, { status: 200 });
        break;
      case 'TEARDOWN':
        this.#teardown(request);
        break;
      default:
        this.#refuse(request, 501);
    }
  }

  #answer({ head }: Incoming, answer: Answer): void {
    const { rtsp = {}, session = {} } = this.parts.options;
    const asked = header(head, 'CSeq');
    const cseq = { good: asked, missing: '', wrong: String(Number(asked) + 1000) }[rtsp.cseq ?? 'good'];
    const form = { cseq, lineEnd: rtsp.lineEnds === 'lf' ? '\n' : '\r\n', odd: rtsp.oddHeaders ?? false };
    const shown = session.changingId ? String(Math.floor(Math.random() * 1e8)) : this.#session?.id;
    const timeout = session.namesTimeout === false ? '' : `;timeout=${session.timeoutS ?? 60}`;
    const lines = [...(answer.lines ?? []), ...(shown === undefined ? [] : [`Session: ${shown}${timeout}`])];
    this.#raw(answerText({ ...answer, lines }, form));
  }

  #refuse(request: Incoming, status: number, text?: string): void {
    this.parts.counters.refusal(status);
    this.#answer(request, { status, text });
  }

  #describe(request: Incoming, publicLine: string): void {
    const { options, clips, port } = this.parts;
    const { sdp = {}, rtsp = {}, hostile = {} } = options;
    if (hostile.describe !== undefined) {
      this.#timers.push(answerHostilely(hostile.describe, header(request.head, 'CSeq'), this.socket));
      return;
    }
    const location = this.#redirection(request.uri, rtsp.redirect, port);
    if (location !== undefined) {
      this.#answer(request, { status: 302, lines: [`Location: ${location}`] });
      return;
    }
    const base = request.uri.replace(/\/$/, '');
    const contentBase = {
      good: [`Content-Base: ${base}/`],
      none: [],
      nat: [`Content-Base: ${base.replace(/\/\/[^/]+/, '//192.168.200.200:554')}/`],
      query: [`Content-Base: ${base}?channel=1&subtype=0/`],
    }[sdp.contentBase ?? 'good'];
    const controlBase = sdp.contentBase === 'nat' ? base.replace(/\/\/[^/]+/, '//192.168.200.200:554') : base;
    const body = describe(options, clips[0]!, controlBase);
    this.#answer(request, {
      status: 200,
      lines: [publicLine, 'Content-Type: application/sdp', ...contentBase],
      body,
    });
  }

  #redirection(uri: string, redirect: string | undefined, port: number): string | undefined {
    if (redirect === undefined) return undefined;
    if (redirect === 'loop') return uri;
    if (!redirect.startsWith('/')) return redirect;
    if (new URL(uri).pathname === redirect) return undefined;
    return `rtsp://127.0.0.1:${port}${redirect}`;
  }

  async #setup(request: Incoming): Promise<void> {
    const { options, sessions, counters } = this.parts;
    const { audio, rtsp = {} } = options;
    // A camera without controls has one track.
    const named = TRACKS.find((track) => request.uri.includes(`track=${track}`));
    const track = named ?? (options.sdp?.control === 'missing' ? 'video' : undefined);
    if (track === undefined || track === 'back') {
      this.#refuse(request, 404);
      return;
    }
    if (track === 'audio' && audio?.setupStatus !== undefined && audio.setupStatus !== 200) {
      this.#refuse(request, audio.setupStatus);
      return;
    }
    const chosen = await chooseTransport({
      transport: header(request.head, 'Transport'),
      clientAddress: this.socket.remoteAddress ?? '127.0.0.1',
      rtsp,
      interleave: (channel, packet) => {
        this.#interleave(channel, packet);
      },
      onRtcp: (packet) => {
        this.#rtcp(packet, false);
      },
    });
    if (chosen === undefined) {
      this.#refuse(request, 461);
      return;
    }
    this.#session ??= sessions.open();
    if (this.#session === undefined || this.socket.destroyed) {
      chosen.sink.close();
      this.#refuse(request, 453);
      return;
    }
    this.#session.hangUp = () => {
      this.close(false);
    };
    this.#session.sinks.set(track, chosen.sink);
    this.#session.lastSignMs = performance.now();
    counters.setup(track);
    this.#answer(request, { status: 200, lines: [`Transport: ${chosen.header}`] });
  }

  #play(request: Incoming): void {
    const { options, counters } = this.parts;
    const { rtsp = {}, time = {}, sdp = {} } = options;
    const session = this.#session;
    if (session === undefined || session.playing) {
      this.#refuse(request, 455);
      return;
    }
    session.playing = true;
    session.lastSignMs = performance.now();
    if (rtsp.strayBeforePlay) {
      const stray = Buffer.alloc(200, 0x11);
      stray.writeUInt32BE(0x80600001, 0);
      session.sinks.get('video')?.send(stray, false);
    }
    const started = this.#start(session);
    const offset = time.rtpInfo === 'wrong' ? 3_000_000 : 0;
    const info = started.map(
      ({ track, sequence, timestamp }) =>
        `url=${request.uri.replace(/\/$/, '')}/track=${track};seq=${sequence};rtptime=${modulo32(timestamp + offset)}`,
    );
    const range = sdp.clockRange ? `clock=${clockTime(new Date())}-` : 'npt=now-';
    const infoLine = time.rtpInfo === 'none' || info.length === 0 ? [] : [`RTP-Info: ${info.join(',')}`];
    this.#answer(request, { status: 200, lines: [`Range: ${range}`, ...infoLine] });
    this.#playAnswered = true;
    counters.plays += 1;
    counters.connectMs = performance.now() - this.#openedMs;
    counters.requestsToPlay = this.#requests;
    this.#startRequests();
  }

  /** Streams send their first packet only after this returns, because it waits for a timer. */
  #start(session: Session): { track: Track; sequence: number; timestamp: number }[] {
    const { options, clips, counters, switches, first } = this.parts;
    const flood = options.hostile?.stream;
    const contextOf = (track: Track) => ({
      ...{ options, clips, counters, switches, firstSession: first },
      send: (packet: Buffer, rtcp: boolean) => session.sinks.get(track)?.send(packet, rtcp),
      raw: (bytes: Buffer | string) => {
        this.#raw(bytes);
      },
    });
    if (flood !== undefined && flood !== 'huge-sps') {
      const stop = startFlood(flood, {
        pendingBytes: () => this.socket.writableLength,
        send: (packet) => session.sinks.get('video')?.send(packet, false),
        raw: (text) => {
          this.#raw(text);
        },
      });
      session.stops.push(stop);
      return [];
    }
    const started = [];
    for (const [track, Stream] of [['video', VideoStream] as const, ['audio', AudioStream] as const]) {
      if (!session.sinks.has(track)) continue;
      const stream = new Stream(contextOf(track));
      session.stops.push(() => {
        stream.stop();
      });
      started.push({ track, sequence: stream.track.sequence, timestamp: stream.startTimestamp });
    }
    return started;
  }

  #startRequests(): void {
    const { requests = [], requestEveryMs = DEFAULT_REQUEST_EVERY_MS } = this.parts.options.rtsp ?? {};
    if (requests.length === 0) return;
    let count = 0;
    const timer = setInterval(() => {
      const method = requests[count % requests.length] ?? 'OPTIONS';
      count += 1;
      this.#raw(this.#ownRequest(method, count));
    }, requestEveryMs);
    this.#timers.push(timer);
  }

  #ownRequest(method: string, cseq: number): string {
    const uri = `rtsp://127.0.0.1:${this.parts.port}/cam`;
    const head = `${method} ${uri} RTSP/1.0\r\nCSeq: ${cseq}\r\nSession: ${this.#session?.id ?? '0'}\r\n`;
    const body = { ANNOUNCE: 'v=0\r\ns=another\r\n', SET_PARAMETER: 'brightness: 5\r\n' }[method] ?? '';
    const redirect = method === 'REDIRECT' ? `Location: ${uri}\r\n` : '';
    const type = method === 'ANNOUNCE' ? 'application/sdp' : 'text/parameters';
    const about = body === '' ? '' : `Content-Type: ${type}\r\nContent-Length: ${body.length}\r\n`;
    return `${head}${redirect}${about}\r\n${body}`;
  }

  #teardown(request: Incoming): void {
    const { sessions, counters, options } = this.parts;
    const id = header(request.head, 'Session').split(';')[0]?.trim() ?? '';
    // With changing session ids, the session belongs to the connection.
    const session = options.session?.changingId ? this.#session : sessions.find(id);
    if (session === undefined) {
      this.#refuse(request, 454);
      return;
    }
    counters.teardowns += 1;
    sessions.end(session);
    if (!options.session?.silentTeardown) this.#answer(request, { status: 200 });
    if (session === this.#session) this.#session = undefined;
  }
}
