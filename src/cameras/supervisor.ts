import { isDeepStrictEqual } from 'node:util';

import { systemClock, type Clock } from '../base/clock.js';
import { ChrysError, messageOf } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import { didYouMean } from '../base/suggest.js';
import { KNOWN_SCHEMES, type SourceScheme } from '../config/schema.js';
import type { CaptureOptions, LearnedFacts, NativeAddon } from '../native/types.js';
import type { SegmentLookup } from '../database/segment.js';
import { withChanges } from './changes.js';
import type { CameraEnvironment } from './camera-environment.js';
import { checkCameraName } from './camera-name.js';
import type { CaptureThread, WakeAddon } from './capture/capture-thread.js';
import { Closings } from './capture/closings.js';
import { replayOptionsOf } from './source/replay-options.js';
import type { PacketRingSize } from './capture/rings.js';
import { probeOfCamera } from './probe/probe-result.js';
import type { ProbeResult, ProbeOptions } from './probe/probe-types.js';
import { Prober } from './probe/prober.js';
import { isSameStream, parseSourceUrl, type CameraSource } from './source/source-url.js';
import { SupervisedCamera } from './supervised-camera.js';
import type { Camera, CameraChanges, CameraDefinition, CameraEvent, Cameras } from './types.js';
import { STOP } from './capture/teardown.js';

/** Where camera definitions are stored. */
export interface DefinitionStore {
  list(): readonly CameraDefinition[];
  /** Throws already_exists. */
  insert(definition: CameraDefinition): void;
  update(definition: CameraDefinition): void;
  remove(name: string): unknown;
  /** The learned facts of a camera. */
  learned(name: string): LearnedFacts | undefined;
  /** Stores the learned facts of a camera; undefined: deletes them. Does nothing for an unknown name. */
  learn(name: string, facts: LearnedFacts | undefined): void;
}

/** Where the frame ids that were reserved are stored. */
export interface FrameIdStore {
  /** Reserves `count` ids that were never used, and returns the first. Throws when the database cannot be written. */
  reserve(cameraName: string, count: number): number;
  /** The first id that was never reserved. */
  next(cameraName: string): number;
}

export interface SupervisorOptions {
  readonly registry: DefinitionStore;
  readonly addon: Pick<NativeAddon, 'initPacketRing' | 'copyFromSlot'> & WakeAddon;
  readonly logger: Logger;
  readonly maxCameras: number;
  readonly packetRingSize: PacketRingSize;
  /** Maximum width times height of a picture, for cameras that have no limit of their own. */
  readonly maxPixels: number;
  readonly frameIds: FrameIdStore;
  readonly allowedSchemes: readonly SourceScheme[];
  /** Where replays find their segments. Default: there are none. */
  readonly segments?: () => SegmentLookup;
  /** Level of libav's messages. Default 'warn'. */
  readonly logLevel?: CaptureOptions['logLevel'];
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly workerUrl?: URL;
}

export type StateListener = (camera: Camera) => void;
export type EventListener = (event: CameraEvent, camera: Camera) => void;

/** Time between the starts of two cameras, so that a restart does not open hundreds of streams at once. */
const START_GAP_MS = 25;
const MAX_START_MS = 2000;
/** Frame ids that are reserved for each start of a camera: enough for ten years at 25 frames a second, and for a million starts. */
const FRAME_ID_BLOCK = 2 ** 33;

/** All cameras of this process, each with a thread of its own. Main thread. */
export class Supervisor implements Cameras {
  private readonly cameras = new Map<string, SupervisedCamera>();
  private readonly ephemeral = new Set<string>();
  private readonly listeners = new Set<StateListener>();
  private readonly eventListeners = new Set<EventListener>();
  /** Threads that did not end in time; each is removed when it ends. */
  private readonly givenUp = new Set<CaptureThread>();
  /** Removed cameras whose thread has not ended yet. */
  private readonly leaving = new Set<SupervisedCamera>();
  private readonly env: CameraEnvironment;
  private readonly prober: Prober;
  private closed = false;

  constructor(private readonly options: SupervisorOptions) {
    const clock = options.clock ?? systemClock;
    this.env = {
      addon: options.addon,
      logger: options.logger,
      clock,
      random: options.random ?? Math.random,
      logLevel: options.logLevel ?? 'warn',
      packetRingSize: options.packetRingSize,
      maxPixels: options.maxPixels,
      closings: new Closings(clock),
      learnedOf: (name) => (this.ephemeral.has(name) ? undefined : options.registry.learned(name)),
      onLearned: (camera, learned) => {
        this.keepLearned(camera, learned);
      },
      firstPacketOf: (name) => this.firstFrameId(name),
      replayOf: (range) => replayOptionsOf(range, options.segments?.()),
      workerUrl: options.workerUrl ?? new URL('./capture/camera-worker.js', import.meta.url),
      onStateChange: (camera) => {
        this.notify(camera);
      },
      onStreamChange: (camera) => {
        this.tell('stream', camera);
      },
      onPlainFrames: (camera) => {
        this.tell('plainFrames', camera);
      },
      onGivenUp: (thread) => {
        this.giveUp(thread);
      },
    };
    this.prober = new Prober(this.env);
    process.once('exit', this.onProcessExit);
  }

  /** Stops all captures, because the exit of the process waits for its threads. */
  private readonly onProcessExit = (): void => {
    for (const camera of [...this.cameras.values(), ...this.leaving]) camera.raiseStop(STOP.process);
    this.prober.raiseStop(STOP.process);
  };

  /** Number of threads that did not end in time, because they hang in a call that cannot be cancelled. */
  get hangingThreads(): number {
    return this.givenUp.size;
  }

  list(): readonly Camera[] {
    return [...this.cameras.values()];
  }

  get(name: string): Camera {
    return this.find(name);
  }

  /** An `ephemeral` camera is not stored, so it does not exist after a restart. */
  add(definition: CameraDefinition, options: { readonly ephemeral?: boolean } = {}): Camera {
    if (this.closed) throw new ChrysError('unavailable', 'The proxy is shutting down. Try again later.');
    checkCameraName(definition.name);
    if (this.cameras.has(definition.name)) {
      throw new ChrysError(
        'already_exists',
        `There is already a camera "${definition.name}". Remove it first, or choose another name.`,
      );
    }
    const { maxCameras } = this.options;
    if (this.cameras.size >= maxCameras) {
      throw new ChrysError(
        'resource_exhausted',
        `There are already ${this.cameras.size} cameras, and max_cameras is ${maxCameras}. Remove a camera, or raise max_cameras.`,
      );
    }
    // Ephemeral cameras come from the proxy itself (the demo's clip), so any scheme is allowed.
    const schemes = options.ephemeral === true ? KNOWN_SCHEMES : this.options.allowedSchemes;
    const source = parseSourceUrl(definition.rtspEndpoint, schemes);
    if (options.ephemeral === true) this.ephemeral.add(definition.name);
    else this.options.registry.insert(definition);
    const camera = this.create(definition, source);
    camera.start();
    return camera;
  }

  update(name: string, changes: CameraChanges): Camera {
    const camera = this.find(name);
    const definition = withChanges(camera.definition, changes, this.env.clock.nowMs());
    // A repeated request without a change is not written to the disk.
    if (isDeepStrictEqual({ ...definition, modifiedMs: 0 }, { ...camera.definition, modifiedMs: 0 })) return camera;
    if (!this.ephemeral.has(name)) this.options.registry.update(definition);
    camera.redefine(definition);
    this.tell('changed', camera);
    return camera;
  }

  async remove(name: string): Promise<void> {
    const camera = this.find(name);
    if (!this.ephemeral.delete(name)) this.options.registry.remove(name);
    this.cameras.delete(name);
    this.tell('removed', camera);
    this.leaving.add(camera);
    void camera.whenEnded().then(() => this.leaving.delete(camera));
    await camera.stop();
  }

  /** Starts the stored cameras, one after the other. A camera whose definition cannot be used is `failed`. */
  startAll(): void {
    const definitions = this.options.registry.list().filter(({ name }) => !this.cameras.has(name));
    const gapMs = Math.min(START_GAP_MS, MAX_START_MS / Math.max(1, definitions.length));
    for (const [index, definition] of definitions.entries()) {
      const start = this.createStored(definition);
      if (index === 0) start();
      else this.env.clock.after(index * gapMs, start);
    }
  }

  retry(name: string, { forget = false }: { readonly forget?: boolean } = {}): Camera {
    const camera = this.find(name);
    if (forget) camera.forget();
    else camera.retry();
    return camera;
  }

  async probe(url: string, options: ProbeOptions): Promise<ProbeResult> {
    if (this.closed) throw new ChrysError('unavailable', 'The proxy is shutting down. Try again later.');
    const source = parseSourceUrl(url, this.options.allowedSchemes);
    if (source.kind === 'replay') {
      throw new ChrysError(
        'invalid_argument',
        'A replay cannot be probed. Use "chrysproxy recordings list" to see what is recorded.',
      );
    }
    const running = [...this.cameras.values()].find(
      (camera) =>
        camera.state.phase === 'running' && camera.source !== undefined && isSameStream(camera.source, source),
    );
    const answer = running === undefined ? undefined : await probeOfCamera(running, options, this.env.clock);
    return answer ?? (await this.prober.probe(source, options));
  }

  /** Stops all cameras at the same time; resolves within 450 ms. No camera can be added afterwards. */
  async stopAll(): Promise<void> {
    this.closed = true;
    for (const camera of this.leaving) camera.raiseStop(STOP.process);
    this.prober.raiseStop(STOP.process);
    await Promise.all([...this.cameras.values()].map((camera) => camera.stop(STOP.process)));
    process.removeListener('exit', this.onProcessExit);
  }

  /** Calls `listener` after each change of a camera's state. The returned function removes it. */
  onStateChange(listener: StateListener): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  /** Calls `listener` with each event. The returned function removes it. */
  onEvent(listener: EventListener): () => void {
    this.eventListeners.add(listener);
    return () => {
      this.eventListeners.delete(listener);
    };
  }

  private firstFrameId(name: string): number {
    const { frameIds, logger } = this.options;
    try {
      return frameIds.reserve(name, FRAME_ID_BLOCK);
    } catch (error) {
      // The camera must work even when the disk cannot be written.
      logger.warn(
        { camera: name },
        `The frame ids of the camera cannot be stored, so they begin at a random number: ${messageOf(error)}`,
      );
      return frameIds.next(name) + Math.floor(this.env.random() * FRAME_ID_BLOCK);
    }
  }

  /** Stores the learned facts, unless the camera was removed: its name may belong to another camera now. */
  private keepLearned(camera: Camera, learned: LearnedFacts | undefined): void {
    const { name } = camera.definition;
    if (this.cameras.get(name) !== camera || this.ephemeral.has(name)) return;
    try {
      this.options.registry.learn(name, learned);
    } catch (error) {
      this.options.logger.warn(
        { camera: name },
        `The learned facts of the camera cannot be stored: ${messageOf(error)}`,
      );
    }
  }

  private find(name: string): SupervisedCamera {
    const camera = this.cameras.get(name);
    if (camera !== undefined) return camera;
    const shown = JSON.stringify(name.slice(0, 128));
    const hint = name.length <= 128 ? didYouMean(name, this.cameras.keys()) : '';
    throw new ChrysError('not_found', `There is no camera ${shown}.${hint}`);
  }

  private create(definition: CameraDefinition, source: CameraSource | undefined): SupervisedCamera {
    const camera = new SupervisedCamera(definition, source, this.env);
    this.cameras.set(definition.name, camera);
    this.tell('added', camera);
    return camera;
  }

  /** Creates a stored camera. The returned function starts it. */
  private createStored(definition: CameraDefinition): () => void {
    const { source, problem } = storedSource(definition, this.options.allowedSchemes);
    const camera = this.create(definition, source);
    return () => {
      if (this.closed || this.cameras.get(definition.name) !== camera) return;
      if (problem === undefined) camera.start();
      else camera.fail(problem);
    };
  }

  private notify(camera: Camera): void {
    for (const listener of this.listeners) {
      this.guarded(() => {
        listener(camera);
      });
    }
  }

  private tell(event: CameraEvent, camera: Camera): void {
    for (const listener of this.eventListeners) {
      this.guarded(() => {
        listener(event, camera);
      });
    }
  }

  private guarded(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.options.logger.error({ err: error }, 'A listener of camera events threw');
    }
  }

  private giveUp(thread: CaptureThread): void {
    this.givenUp.add(thread);
    void thread.whenEnded().then(() => this.givenUp.delete(thread));
  }
}

interface StoredSource {
  /** Undefined: the URL is not valid. */
  readonly source: CameraSource | undefined;
  /** Why the camera cannot be started; undefined: it can. */
  readonly problem: string | undefined;
}

/** The source of a stored camera. If only its scheme is no longer allowed, the source is known but must not be opened. */
function storedSource({ name, rtspEndpoint }: CameraDefinition, allowedSchemes: readonly SourceScheme[]): StoredSource {
  try {
    checkCameraName(name);
    // The disk of a file may not be mounted yet. The camera then retries.
    return { source: parseSourceUrl(rtspEndpoint, allowedSchemes, { checkFile: false }), problem: undefined };
  } catch (error) {
    return { source: sourceOfAnyScheme(rtspEndpoint), problem: messageOf(error) };
  }
}

function sourceOfAnyScheme(url: string): CameraSource | undefined {
  try {
    return parseSourceUrl(url, KNOWN_SCHEMES, { checkFile: false });
  } catch {
    return undefined;
  }
}
