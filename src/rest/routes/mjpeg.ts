import type { Request, Response } from 'express';
import type { Clock } from '../../base/clock.js';
import { ChrysError } from '../../base/errors.js';
import { descriptorOf } from '../../base/socket-descriptor.js';
import type { Camera, Cameras, FrameRef, FrameOptions } from '../../cameras/types.js';
import { PICTURE_FORMAT } from '../../gen/ring-layout.js';
import type { NativeAddon } from '../../native/types.js';
import { MIN_WIDTH, MAX_WIDTH, wholeNumber } from '../http/query.js';

/** Every stream costs the main thread a copy and a write for each picture. */
const MAX_STREAMS = 64;
const MAX_FPS = 60;
const QUALITY = 80;
const BOUNDARY = 'frame';
/** How long one wait for a frame lasts; between two of them we look whether the camera is still there. */
const WAIT_MS = 1000;
/** A camera that is away answers at once that it has nothing: ask again after so long. */
const RETRY_MS = 200;
/** A client that takes nothing for so long is cut off. */
const STUCK_MS = 30_000;
/** With this the kernel notices a client that vanished without a word, while there is nothing to send to it. */
const KEEP_ALIVE_MS = 30_000;
/** Left to itself, the kernel takes megabytes for a slow reader: many seconds of small pictures. */
const MAX_UNSENT_BYTES = 64 * 1024;

export interface MjpegParts {
  readonly cameras: Pick<Cameras, 'get'>;
  readonly clock: Clock;
  /** Aborted when the proxy stops: streams have no end of their own. */
  readonly stopping: AbortSignal;
  readonly limitUnsent: NativeAddon['limitUnsent'];
}

/** All live streams of the process, each a `multipart/x-mixed-replace` of JPEGs as browsers and OpenCV read it. */
export class MjpegStreams {
  readonly #open = new Set<MjpegStream>();

  constructor(private readonly parts: MjpegParts) {
    parts.stopping.addEventListener('abort', () => {
      for (const stream of [...this.#open]) stream.end();
    });
  }

  /** Throws invalid_argument, not_found, and resource_exhausted when too many are open. */
  send(req: Request, res: Response, name: string): void {
    const terms = termsOf(req);
    const camera = this.parts.cameras.get(name);
    if (this.#open.size >= MAX_STREAMS) {
      throw new ChrysError(
        'resource_exhausted',
        `${MAX_STREAMS} live streams are open, and that is the most: close one, or take frames over gRPC.`,
      );
    }
    res.set('Content-Type', `multipart/x-mixed-replace; boundary=${BOUNDARY}`);
    res.set('Connection', 'close');
    if (req.method === 'HEAD') {
      res.end();
      return;
    }
    const stream = new MjpegStream(res, camera, terms, this.parts);
    this.#open.add(stream);
    res.on('close', () => {
      this.#open.delete(stream);
      stream.stop();
    });
    stream.start();
  }
}

/**
 * One client. The next frame is asked for only when the last one has left, so a slow client gets the newest frame each
 * time and never a backlog, and a client that is gone asks for nothing.
 */
class MjpegStream {
  /** Ends what it waits for: a frame, or the time to ask again. */
  private endWait: () => void = () => undefined;
  private begun = false;
  private stopped = false;
  private after = 0;
  private sentAtMs: number | undefined;

  constructor(
    private readonly res: Response,
    private readonly camera: Camera,
    private readonly terms: FrameOptions,
    private readonly parts: MjpegParts,
  ) {}

  /** Throws resource_exhausted, and nothing is sent then. */
  start(): void {
    this.ask();
    this.begin();
  }

  /** The client is gone: free what was asked for on its behalf. */
  stop(): void {
    this.stopped = true;
    this.endWait();
  }

  end(): void {
    this.stop();
    this.begin();
    this.res.end();
  }

  private ask(): void {
    const { clock } = this.parts;
    let settled = false as boolean;
    const endWait = this.camera.frames.request(
      {
        options: this.terms,
        after: this.after,
        sinceLastMs: this.sentAtMs === undefined ? Infinity : clock.monotonicMs() - this.sentAtMs,
        waitMs: WAIT_MS,
        maxAgeMs: 0,
      },
      (frame) => {
        settled = true;
        if (this.stopped) return;
        if (frame !== undefined && this.sendPart(frame)) return;
        if (frame === undefined && this.camera.frames.refusal(this.terms.outputFormat) !== undefined) {
          this.end();
          return;
        }
        this.endWait = clock.after(RETRY_MS, this.askAgain);
      },
    );
    if (!settled) this.endWait = endWait;
  }

  private readonly askAgain = (): void => {
    if (this.stopped) return;
    try {
      if (this.cameraIsThere()) this.ask();
      else this.end();
    } catch (error) {
      if (!(error instanceof ChrysError)) throw error;
      // Others have taken the place of a client that was too slow to keep it.
      this.end();
    }
  };

  /** A camera that was added again under this name is another one. */
  private cameraIsThere(): boolean {
    try {
      return this.parts.cameras.get(this.camera.definition.name) === this.camera;
    } catch {
      return false;
    }
  }

  /** False: the frame was overwritten before it could be copied. */
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
    // The boundary follows at once: a browser shows a picture when it sees where it ends.
    res.socket?.setTimeout(STUCK_MS);
    res.write(`\r\n--${BOUNDARY}\r\n`, this.partLeft);
    res.uncork();
    return true;
  }

  private readonly partLeft = (error?: Error | null): void => {
    if (error !== undefined && error !== null) return;
    // A camera may be away for days; that is no reason to leave its viewers.
    this.res.socket?.setTimeout(0);
    this.askAgain();
  };

  private begin(): void {
    if (this.begun) return;
    this.begun = true;
    const { res } = this;
    // Without chunks around them, parts can also be read by clients that know no more than HTTP/1.0.
    res.removeHeader('Transfer-Encoding');
    res.socket?.setTimeout(0);
    res.socket?.setKeepAlive(true, KEEP_ALIVE_MS);
    const descriptor = descriptorOf(res.socket);
    if (descriptor >= 0) this.parts.limitUnsent(descriptor, MAX_UNSENT_BYTES);
    res.write(`--${BOUNDARY}\r\n`);
  }
}

function termsOf(req: Request): FrameOptions {
  const width = wholeNumber(req.query, 'width', MIN_WIDTH, MAX_WIDTH) ?? 0;
  const fps = wholeNumber(req.query, 'fps', 1, MAX_FPS);
  return {
    outputFormat: { format: PICTURE_FORMAT.jpeg, width, height: 0, quality: QUALITY, enlarge: false },
    keyframesOnly: false,
    intervalMs: fps === undefined ? 0 : Math.round(1000 / fps),
    withholdCorrupt: false,
  };
}
