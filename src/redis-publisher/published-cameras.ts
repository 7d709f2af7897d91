import type { Clock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import { MAX_FRAME_MESSAGE_BYTES } from '../cameras/capture/rings.js';
import type { Supervisor } from '../cameras/supervisor.js';
import type { Camera, FrameOptions } from '../cameras/types.js';
import { CONTROL, FRAME_FILTER, PICTURE_FORMAT } from '../gen/ring-layout.js';
import { Control } from '../rings/control.js';
import { isKeyOfAnother } from './keys.js';
import type { CameraProgress, ToBus } from './messages.js';
import type { Asked, PublishedCamera, PublishedFrames } from './types.js';

export interface PublishOptions {
  readonly cameras: Pick<Supervisor, 'list' | 'onEvent'>;
  readonly publishFrames: PublishedFrames;
  readonly publishIntervalMs: number;
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'warn'>;
  /** To the bus worker; lost while it does not run. */
  readonly send: (message: ToBus) => void;
}

/** Well within the time for which a demand lasts. */
const RAISE_AGAIN_MS = 3000;
const PLAIN = { format: PICTURE_FORMAT.bgr24, width: 0, height: 0, quality: 0, enlarge: false };
const ALL: FrameOptions = { outputFormat: PLAIN, keyframesOnly: false, intervalMs: 0, withholdCorrupt: false };
const KEYFRAMES: FrameOptions = { ...ALL, keyframesOnly: true };
const NOTHING_YET: Omit<CameraProgress, 'id'> = { published: 0, dropped: 0, message: '' };
const NAME_IS_TAKEN =
  'its frames are not published, because its name is that of a key of the original: give it another name';

interface Published {
  readonly id: number;
  readonly camera: Camera;
  readonly control: Control;
  asked: Asked;
  /** Bits of FRAME_FILTER that were told to the worker. */
  frameClass: number;
  /** Why its frames cannot be wanted, or do not come. */
  message: string;
  /** The last message that was logged. */
  logged: string;
  progress: Omit<CameraProgress, 'id'>;
}

/**
 * Which frames of which cameras go to Redis: raises the demand for them and tells the bus worker. Nothing is decoded for a
 * Redis that is away. Main thread.
 */
export class PublishedCameras {
  private readonly byId = new Map<number, Published>();
  private readonly byCamera = new Map<Camera, Published>();
  private stopListening: () => void = () => undefined;
  private cancelRaise: (() => void) | undefined;
  private lastId = 0;
  private connected = false;

  constructor(private readonly options: PublishOptions) {}

  start(): void {
    const { cameras } = this.options;
    this.stopListening = cameras.onEvent((event, camera) => {
      if (event === 'added') this.follow(camera);
      else if (event === 'removed') this.leave(camera);
      else if (event === 'plainFrames') this.tellRing(this.byCamera.get(camera));
    });
    for (const camera of cameras.list()) this.follow(camera);
  }

  /** A worker that knows nothing yet. */
  tellAll(): void {
    for (const published of this.byId.values()) this.tell(published);
  }

  /** What is not told to a worker any more has no effect. */
  onCrashed(): void {
    this.setConnected(false);
    for (const published of this.byId.values()) published.asked = 'nothing';
  }

  setConnected(connected: boolean): void {
    if (this.connected === connected) return;
    this.connected = connected;
    this.cancelRaise?.();
    if (connected) this.raise();
    else for (const published of this.byId.values()) this.setFrameClass(published, 0);
  }

  onAsked(id: number, asked: Asked): void {
    const published = this.byId.get(id);
    if (published === undefined) return;
    published.asked = asked;
    this.update(published);
  }

  onProgress(cameras: readonly CameraProgress[]): void {
    for (const { id, ...progress } of cameras) {
      const published = this.byId.get(id);
      if (published !== undefined) published.progress = progress;
    }
  }

  status(): PublishedCamera[] {
    return [...this.byId.values()].map(({ camera, asked, frameClass, message, progress }) => ({
      camera: camera.definition.name,
      publishing: frameClass !== 0,
      asked,
      ...progress,
      message: message === '' ? progress.message : message,
    }));
  }

  close(): void {
    this.stopListening();
    this.setConnected(false);
  }

  private follow(camera: Camera): void {
    const published: Published = {
      id: ++this.lastId,
      camera,
      control: new Control(camera.packets.control),
      asked: 'nothing',
      frameClass: 0,
      message: isKeyOfAnother(camera.definition.name) ? NAME_IS_TAKEN : '',
      logged: '',
      progress: NOTHING_YET,
    };
    this.byId.set(published.id, published);
    this.byCamera.set(camera, published);
    this.tell(published);
    this.update(published);
  }

  private leave(camera: Camera): void {
    const published = this.byCamera.get(camera);
    if (published === undefined) return;
    this.setFrameClass(published, 0);
    this.options.send({ kind: 'forget', id: published.id });
    this.byId.delete(published.id);
    this.byCamera.delete(camera);
  }

  private tell(published: Published): void {
    const { id, camera, control } = published;
    if (isKeyOfAnother(camera.definition.name)) return;
    this.options.send({ kind: 'camera', id, camera: camera.definition.name, control: control.buffer });
    this.tellRing(published);
  }

  private tellRing(published: Published | undefined): void {
    const ring = published?.camera.plainFrames;
    if (published !== undefined && ring !== undefined) this.options.send({ kind: 'ring', id: published.id, ring });
  }

  /** The demand of what is published always; of what is asked for, each asking raises it. */
  private raise(): void {
    for (const published of this.byId.values()) this.update(published, false);
    this.cancelRaise = this.options.clock.after(RAISE_AGAIN_MS, () => {
      this.raise();
    });
  }

  private update(published: Published, isAsking = true): void {
    if (!this.connected || isKeyOfAnother(published.camera.definition.name)) return;
    try {
      const always = this.alwaysWanted();
      let frameClass = always === undefined ? 0 : published.camera.frames.want(always).frameFilter;
      if (published.asked !== 'nothing') {
        if (isAsking) published.camera.frames.want(published.asked === 'all' ? ALL : KEYFRAMES);
        frameClass |= published.asked === 'all' ? FRAME_FILTER.all : FRAME_FILTER.keyframes;
      }
      published.message = frameClass === 0 ? '' : whyTooLarge(published.camera);
      this.logOnce(published);
      this.setFrameClass(published, frameClass);
    } catch (error) {
      published.message = messageOf(error);
      this.setFrameClass(published, 0);
    }
  }

  /** A camera that is wanted again and again has the same message each time. */
  private logOnce(published: Published): void {
    const { message, logged, camera } = published;
    if (message === '' || message === logged) return;
    published.logged = message;
    this.options.logger.warn({ camera: camera.definition.name }, message);
  }

  private alwaysWanted(): FrameOptions | undefined {
    const { publishFrames, publishIntervalMs } = this.options;
    if (publishFrames === 'all') return ALL;
    if (publishFrames === 'keyframes') return KEYFRAMES;
    return publishFrames === 'interval' ? { ...ALL, intervalMs: publishIntervalMs } : undefined;
  }

  private setFrameClass(published: Published, frameClass: number): void {
    const { control, frameClass: before, id } = published;
    if (before === frameClass) return;
    // Kept here and not by the worker, so that it is right after a crash, too.
    if (before === 0) control.addI32(CONTROL.frameWaitersI32, 1);
    if (frameClass === 0) control.addI32(CONTROL.frameWaitersI32, -1);
    published.frameClass = frameClass;
    this.options.send({ kind: 'publish', id, frameClass });
  }
}

/** Why no frame of this camera goes to Redis although it is connected; '' = no such reason is known. */
function whyTooLarge({ frames, stream }: Camera): string {
  if (frames.refusal(PLAIN) === undefined) return '';
  const size = stream === undefined ? '' : ` of ${stream.width}x${stream.height}`;
  return (
    `its frames are not published to Redis, because a picture${size} as BGR24 does not fit into a message of ` +
    `${MAX_FRAME_MESSAGE_BYTES} bytes: choose a smaller resolution in the camera, or its second stream`
  );
}
