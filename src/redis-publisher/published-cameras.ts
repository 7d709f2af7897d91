import type { Clock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import { FollowedCameras } from '../cameras/follow-cameras.js';
import { MAX_FRAME_MESSAGE_BYTES } from '../cameras/capture/rings.js';
import type { Supervisor } from '../cameras/supervisor.js';
import type { Camera, FrameOptions } from '../cameras/types.js';
import { CONTROL, FRAME_FILTER, PICTURE_FORMAT } from '../gen/ring-layout.js';
import { Control } from '../rings/control.js';
import { isKeyOfAnother } from './keys.js';
import type { CameraProgress, ToPublisher } from './messages.js';
import type { RequestedFrames, PublishedCamera, PublishedFrames } from './types.js';

export interface PublishOptions {
  readonly cameras: Pick<Supervisor, 'list' | 'onEvent'>;
  readonly publishFrames: PublishedFrames;
  readonly publishIntervalMs: number;
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'warn'>;
  /** Sends to the publisher thread. The message is dropped while the thread does not run. */
  readonly send: (message: ToPublisher) => void;
}

/** Demand lasts 10 s, so it is raised again well before that. */
const RAISE_DEMAND_MS = 3000;
const PLAIN = { format: PICTURE_FORMAT.bgr24, width: 0, height: 0, quality: 0, enlarge: false };
const ALL: FrameOptions = { outputFormat: PLAIN, keyframesOnly: false, intervalMs: 0, withholdCorrupt: false };
const KEYFRAMES: FrameOptions = { ...ALL, keyframesOnly: true };
const INITIAL_PROGRESS: Omit<CameraProgress, 'id'> = { published: 0, dropped: 0, message: '' };
const NAME_IS_TAKEN =
  'Its frames are not published, because its name can be a Redis key of another camera. Give the camera another name.';

interface Published {
  readonly id: number;
  readonly camera: Camera;
  readonly control: Control;
  requested: RequestedFrames;
  /** Bits of FRAME_FILTER that the worker publishes. */
  frameFilter: number;
  /** Why its frames are not published although they should be; '' = no such reason. */
  message: string;
  /** The last message that was logged. */
  logged: string;
  progress: Omit<CameraProgress, 'id'>;
}

/**
 * Decides which frames of which cameras are published, raises the demand for them and instructs the publisher thread.
 * While Redis is away, nothing is decoded for it. Main thread.
 */
export class PublishedCameras {
  private readonly followed: FollowedCameras<Published>;
  private readonly byId = new Map<number, Published>();
  private cancelRaise: (() => void) | undefined;
  private lastId = 0;
  private connected = false;

  constructor(private readonly options: PublishOptions) {
    this.followed = new FollowedCameras(options.cameras, {
      begin: (camera) => this.follow(camera),
      update: (published, event) => {
        if (event === 'plainFrames') this.sendRing(published);
      },
      end: (published) => {
        this.forget(published);
      },
    });
  }

  start(): void {
    this.followed.start();
  }

  /** Sends all state to a new worker. */
  sendAll(): void {
    for (const published of this.byId.values()) this.sendCamera(published);
  }

  /** Ends all publishing, because the worker's state is lost. */
  onCrashed(): void {
    this.setConnected(false);
    for (const published of this.byId.values()) published.requested = 'nothing';
  }

  setConnected(connected: boolean): void {
    if (this.connected === connected) return;
    this.connected = connected;
    this.cancelRaise?.();
    if (connected) this.raiseDemand();
    else for (const published of this.byId.values()) this.setFrameFilter(published, 0);
  }

  onRequest(id: number, requested: RequestedFrames): void {
    const published = this.byId.get(id);
    if (published === undefined) return;
    published.requested = requested;
    this.update(published);
  }

  onProgress(cameras: readonly CameraProgress[]): void {
    for (const { id, ...progress } of cameras) {
      const published = this.byId.get(id);
      if (published !== undefined) published.progress = progress;
    }
  }

  status(): PublishedCamera[] {
    return [...this.byId.values()].map(({ camera, requested, frameFilter, message, progress }) => ({
      camera: camera.definition.name,
      publishing: frameFilter !== 0,
      requested,
      ...progress,
      message: message === '' ? progress.message : message,
    }));
  }

  close(): void {
    this.followed.close();
    this.setConnected(false);
  }

  private follow(camera: Camera): Published {
    const published: Published = {
      id: ++this.lastId,
      camera,
      control: new Control(camera.packets.control),
      requested: 'nothing',
      frameFilter: 0,
      message: isKeyOfAnother(camera.definition.name) ? NAME_IS_TAKEN : '',
      logged: '',
      progress: INITIAL_PROGRESS,
    };
    this.byId.set(published.id, published);
    this.sendCamera(published);
    this.update(published);
    return published;
  }

  private forget(published: Published): void {
    this.setFrameFilter(published, 0);
    this.options.send({ kind: 'forget', id: published.id });
    this.byId.delete(published.id);
  }

  private sendCamera(published: Published): void {
    const { id, camera, control } = published;
    if (isKeyOfAnother(camera.definition.name)) return;
    this.options.send({ kind: 'camera', id, camera: camera.definition.name, control: control.buffer });
    this.sendRing(published);
  }

  private sendRing({ id, camera }: Published): void {
    const ring = camera.plainFrames;
    if (ring !== undefined) this.options.send({ kind: 'ring', id, ring });
  }

  /** Raises the demand for frames that are always published. Demand for requested frames is raised by each request. */
  private raiseDemand(): void {
    for (const published of this.byId.values()) this.update(published, false);
    this.cancelRaise = this.options.clock.after(RAISE_DEMAND_MS, () => {
      this.raiseDemand();
    });
  }

  private update(published: Published, isRequest = true): void {
    if (!this.connected || isKeyOfAnother(published.camera.definition.name)) return;
    try {
      const always = this.alwaysPublished();
      let frameFilter = always === undefined ? 0 : published.camera.frames.subscribe(always).frameFilter;
      if (published.requested !== 'nothing') {
        if (isRequest) published.camera.frames.subscribe(published.requested === 'all' ? ALL : KEYFRAMES);
        frameFilter |= published.requested === 'all' ? FRAME_FILTER.all : FRAME_FILTER.keyframes;
      }
      published.message = frameFilter === 0 ? '' : whyTooLarge(published.camera);
      this.logOnce(published);
      this.setFrameFilter(published, frameFilter);
    } catch (error) {
      published.message = messageOf(error);
      this.setFrameFilter(published, 0);
    }
  }

  /** Logs a message when it has changed: each request of a camera produces the same message. */
  private logOnce(published: Published): void {
    const { message, logged, camera } = published;
    if (message === '' || message === logged) return;
    published.logged = message;
    this.options.logger.warn({ camera: camera.definition.name }, message);
  }

  private alwaysPublished(): FrameOptions | undefined {
    const { publishFrames, publishIntervalMs } = this.options;
    if (publishFrames === 'all') return ALL;
    if (publishFrames === 'keyframes') return KEYFRAMES;
    return publishFrames === 'interval' ? { ...ALL, intervalMs: publishIntervalMs } : undefined;
  }

  private setFrameFilter(published: Published, frameFilter: number): void {
    const { control, frameFilter: before, id } = published;
    if (before === frameFilter) return;
    // The main thread counts, and not the worker, so that the count is still correct after a crash of the worker.
    if (before === 0) control.addI32(CONTROL.frameWaitersI32, 1);
    if (frameFilter === 0) control.addI32(CONTROL.frameWaitersI32, -1);
    published.frameFilter = frameFilter;
    this.options.send({ kind: 'publish', id, frameFilter });
  }
}

/** Why the frames of this camera are too large to be published; '' = they are not too large. */
function whyTooLarge({ frames, stream }: Camera): string {
  if (frames.refusal(PLAIN) === undefined) return '';
  const size = stream === undefined ? '' : ` of ${stream.width}x${stream.height}`;
  return (
    `Its frames are not published to Redis, because a picture${size} as BGR24 does not fit into a message of ` +
    `${MAX_FRAME_MESSAGE_BYTES} bytes. Choose a smaller resolution in the camera, or its second stream.`
  );
}
