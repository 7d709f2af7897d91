import type { Request, Response } from 'express';
import type { Clock } from '../../base/clock.js';
import { ChrysError } from '../../base/errors.js';
import { descriptorOf } from '../../base/socket-descriptor.js';
import type { Camera, Cameras, FrameRef, FrameOptions } from '../../cameras/types.js';
import { PICTURE_FORMAT } from '../../gen/ring-layout.js';
import type { NativeAddon } from '../../native/types.js';
import { MAX_STREAMS, STREAM_QUALITY } from '../route-table/pictures.js';

const BOUNDARY = 'frame';
/** How long one wait for a frame lasts. Between two waits, the stream checks whether its camera still exists. */
const WAIT_MS = 1000;
/** A camera that is away answers a request at once, without a frame. The next request is made after this time. */
const RETRY_MS = 200;
/** A client that accepts no data for this time is disconnected. */
const STUCK_MS = 30_000;
/** TCP keep-alive finds out that a client has vanished while there is nothing to send to it. */
const KEEP_ALIVE_MS = 30_000;
/** Without this limit the kernel buffers megabytes for a slow client: many seconds of small pictures. */
const MAX_UNSENT_BYTES = 64 * 1024;

/** What a client chooses. */
export interface MjpegOptions {
  /** Approximate frame rate; undefined: every frame. */
  readonly fps?: number | undefined;
  /** Pixels; undefined: the camera's own size. */
  readonly width?: number | undefined;
}

export interface MjpegParts {
  readonly cameras: Pick<Cameras, 'get'>;
  readonly clock: Clock;
  /** Aborted when the proxy stops: a stream does not end by itself. */
  readonly stopping: AbortSignal;
  readonly limitUnsent: NativeAddon['limitUnsent'];
}

/**
 * All live streams of the process. Each is a `multipart/x-mixed-replace` of JPEGs, as browsers and OpenCV read it, and costs
 * the main thread a copy and a write for each picture; so their number is limited.
 */
export class MjpegStreams {
  readonly #open = new Set<MjpegStream>();

  constructor(private readonly parts: MjpegParts) {
    parts.stopping.addEventListener('abort', () => {
      for (const stream of [...this.#open]) stream.end();
    });
  }

  /** Throws not_found, and resource_exhausted when too many streams are open. */
  send(req: Request, res: Response, name: string, options: MjpegOptions): void {
    const frameOptions = frameOptionsOf(options);
    const camera = this.parts.cameras.get(name);
    if (this.#open.size >= MAX_STREAMS) {
      throw new ChrysError(
        'resource_exhausted',
        `${MAX_STREAMS} live streams are open, which is the maximum: close one, or take frames over gRPC.`,
      );
    }
    res.set('Content-Type', `multipart/x-mixed-replace; boundary=${BOUNDARY}`);
    res.set('Connection', 'close');
    if (req.method === 'HEAD') {
      res.end();
      return;
    }
    const stream = new MjpegStream(res, camera, frameOptions, this.parts);
    this.#open.add(stream);
    res.on('close', () => {
      this.#open.delete(stream);
      stream.stop();
    });
    stream.start();
  }
}

/**
 * The stream of one client. It requests the next frame only when the last one has been sent, so a slow client gets the
 * newest frame each time and never a backlog.
 */
class MjpegStream {
  /** Ends the current wait, for a frame or for the next request. */
  private endWait: () => void = () => undefined;
  private begun = false;
  private stopped = false;
  private after = 0;
  private sentAtMs: number | undefined;

  constructor(
    private readonly res: Response,
    private readonly camera: Camera,
    private readonly frameOptions: FrameOptions,
    private readonly parts: MjpegParts,
  ) {}

  /** Throws resource_exhausted, before anything is sent. */
  start(): void {
    this.request();
    this.begin();
  }

  /** The client has disconnected: ends the wait on its behalf. */
  stop(): void {
    this.stopped = true;
    this.endWait();
  }

  end(): void {
    this.stop();
    this.begin();
    this.res.end();
  }

  private request(): void {
    const { clock } = this.parts;
    let settled = false as boolean;
    const endWait = this.camera.frames.request(
      {
        options: this.frameOptions,
        after: this.after,
        sinceLastMs: this.sentAtMs === undefined ? Infinity : clock.monotonicMs() - this.sentAtMs,
        waitMs: WAIT_MS,
        maxAgeMs: 0,
      },
      (frame) => {
        settled = true;
        if (this.stopped) return;
        if (frame !== undefined && this.sendPart(frame)) return;
        if (frame === undefined && this.camera.frames.refusal(this.frameOptions.outputFormat) !== undefined) {
          this.end();
          return;
        }
        this.endWait = clock.after(RETRY_MS, this.requestAgain);
      },
    );
    if (!settled) this.endWait = endWait;
  }

  private readonly requestAgain = (): void => {
    if (this.stopped) return;
    try {
      if (this.cameraExists()) this.request();
      else this.end();
    } catch (error) {
      if (!(error instanceof ChrysError)) throw error;
      // Other callers use all output formats now.
      this.end();
    }
  };

  /** A camera that was added again under the same name is another Camera. */
  private cameraExists(): boolean {
    try {
      return this.parts.cameras.get(this.camera.definition.name) === this.camera;
    } catch {
      return false;
    }
  }

  /** False: the frame was overwritten while it was copied. */
  private sendPart(found: FrameRef): boolean {
    const message = Buffer.allocUnsafeSlow(found.byteLength);
    const frame = found.copyTo(message, 0);
    if (frame === undefined) return false;
    this.after = frame.frameId;
    this.sentAtMs = this.parts.clock.monotonicMs();
    this.begin();
    const { res } = this;
    res.cork();
    res.write(
      `Content-Type: image/jpeg\r\nContent-Length: ${frame.dataBytes}\r\nX-Timestamp: ${frame.arrivalMs}\r\n\r\n`,
    );
    res.write(message.subarray(frame.dataOffset, frame.dataOffset + frame.dataBytes));
    // The next boundary follows at once: a browser shows a picture only when it has found its end.
    res.socket?.setTimeout(STUCK_MS);
    res.write(`\r\n--${BOUNDARY}\r\n`, this.partSent);
    res.uncork();
    return true;
  }

  private readonly partSent = (error?: Error | null): void => {
    if (error !== undefined && error !== null) return;
    // A camera can be away for days, and its viewers keep their connections.
    this.res.socket?.setTimeout(0);
    this.requestAgain();
  };

  private begin(): void {
    if (this.begun) return;
    this.begun = true;
    const { res } = this;
    // Without the chunked encoding, clients that know only HTTP/1.0 can read the parts, too.
    res.removeHeader('Transfer-Encoding');
    res.socket?.setTimeout(0);
    res.socket?.setKeepAlive(true, KEEP_ALIVE_MS);
    const descriptor = descriptorOf(res.socket);
    if (descriptor >= 0) this.parts.limitUnsent(descriptor, MAX_UNSENT_BYTES);
    res.write(`--${BOUNDARY}\r\n`);
  }
}

function frameOptionsOf({ fps, width = 0 }: MjpegOptions): FrameOptions {
  return {
    outputFormat: { format: PICTURE_FORMAT.jpeg, width, height: 0, quality: STREAM_QUALITY, enlarge: false },
    keyframesOnly: false,
    intervalMs: fps === undefined ? 0 : Math.round(1000 / fps),
    withholdCorrupt: false,
  };
}
