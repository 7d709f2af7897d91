/** Scenes: a proxy together with the cameras that a test needs. Starts them in order, and ends them in order. */
import { join } from 'node:path';
import { type CameraCounts, type CameraOptions, FakeCameras } from '../farm/fake-camera.js';
import { Farm, type MountOptions } from '../farm/farm.js';
import { type FrameRequest, type Generation, ImageClient } from './grpc-client.js';
import { pictureFaults } from './picture-checks.js';
import { Proxy, type ProxyOptions } from './proxy.js';
import { type SegmentFile, segmentsIn } from './segments.js';
import { take, type Taken } from './take.js';
import { waitFor } from './wait.js';

/** The fields of a camera's REST answer that the tests use. */
export interface CameraState {
  readonly phase: string;
  readonly reason: string | null;
  readonly message: string;
  readonly failing_streak: number;
  readonly stream: { readonly codec: string; readonly width: number; readonly height: number } | null;
  readonly learned: {
    readonly transport: string | null;
    readonly keepalive: string | null;
    readonly authentication: string | null;
    readonly certificate: string | null;
    readonly usual_gap_ms: number | null;
    readonly without_receiver_reports: boolean;
    readonly marks_every_slice: boolean;
    readonly sequence_unreliable: boolean;
    readonly jpeg_size: { readonly width: number; readonly height: number } | null;
  } | null;
  readonly stats: {
    readonly decoding: string;
    readonly packets: number;
    readonly packets_damaged: number;
    readonly frames_decoded: number;
    readonly frames_published: number;
    readonly frames_corrupt: number;
    readonly decode_errors: number;
    readonly reconnects: number;
    readonly fps: number;
    readonly gop_packets: number;
    readonly stall_limit_ms: number | null;
    readonly last_error: string;
  };
  readonly recording: { readonly state: string; readonly message: string; readonly segments: number };
}

/** Fields of cameras, by name. */
type Fields<Name extends string> = Readonly<Partial<Record<Name, Readonly<Record<string, unknown>>>>>;

export interface SceneOptions<Name extends string = string> extends ProxyOptions {
  /** Further fields with which a camera is added, by its name. */
  readonly more?: Fields<Name>;
  /** Cameras that the test adds itself. */
  readonly later?: readonly Name[];
}

const RUNNING_BOUND_MS = 60_000;
const TAKE_BOUND_MS = 60_000;
const RECORDED_BOUND_MS = 90_000;
const SETTLED_BOUND_MS = 20_000;
/** Pictures that a caller takes before those that count: by then decoding has caught up with the camera. */
const WARM_UP = 5;
/** Maximum number of packets on their way, so that the counts of proxy and camera may differ by them. */
const SETTLED_PACKETS = 5;

/** A proxy and what tests ask of its cameras. The test adds the cameras. */
export class ProxyScene<Name extends string = string> {
  readonly client: ImageClient;
  readonly #clients: ImageClient[] = [];

  constructor(readonly proxy: Proxy) {
    this.client = this.newClient();
  }

  /** A client with a connection of its own. It is closed with the scene. */
  newClient(generation: Generation = 'unary'): ImageClient {
    const client = new ImageClient(this.proxy.grpcAddress, generation);
    this.#clients.push(client);
    return client;
  }

  async dispose(): Promise<void> {
    for (const client of this.#clients) client.close();
    await this.proxy.dispose();
  }

  async state(name: Name): Promise<CameraState> {
    return (await this.proxy.camera(name)).chrysproxy as unknown as CameraState;
  }

  /** The text of the camera's log. */
  async log(name: Name): Promise<string> {
    const { stdout, stderr } = (await this.proxy.camera(name)).logs;
    return Buffer.from(stdout, 'base64').toString() + Buffer.from(stderr, 'base64').toString();
  }

  /** Resolves with the first state that `matches`. The error shows the last state. */
  async until(
    name: Name,
    what: string,
    matches: (state: CameraState) => boolean,
    boundMs = RUNNING_BOUND_MS,
  ): Promise<CameraState> {
    let last: CameraState | undefined;
    try {
      return await waitFor(what, boundMs, async () => {
        last = await this.state(name);
        return matches(last) ? last : undefined;
      });
    } catch (error) {
      const { phase, reason, message, stats, learned } = last ?? {};
      const seen = JSON.stringify({ phase, reason, message, stats, learned });
      throw new Error(`${name}: ${what}: not within ${boundMs} ms; last seen: ${seen}`, { cause: error });
    }
  }

  /** Waits until the camera runs and the proxy has a picture of it. */
  async running(name: Name, boundMs = RUNNING_BOUND_MS): Promise<CameraState> {
    return await this.until(name, 'runs', ({ phase, stats }) => phase === 'running' && stats.packets > 0, boundMs);
  }

  /** Waits until the camera has failed for this reason. */
  async failed(name: Name, reason: string, boundMs = RUNNING_BOUND_MS): Promise<CameraState> {
    return await this.until(name, `fails: ${reason}`, (state) => state.reason === reason, boundMs);
  }

  /** Waits until no caller has asked for 10 s, so that nothing is decoded. */
  async idle(name: Name): Promise<void> {
    await this.until(name, 'decodes nothing', ({ stats }) => stats.decoding === 'idle');
  }

  /** The next pictures, after a few during which decoding catches up with the camera. */
  async take(name: Name, count: number, request: FrameRequest = {}, boundMs = TAKE_BOUND_MS): Promise<Taken[]> {
    const own = new ImageClient(this.proxy.grpcAddress, 'unary');
    try {
      await take(own, { device_id: name, ...request }, WARM_UP, boundMs);
      return await take(own, { device_id: name, ...request }, count, boundMs);
    } finally {
      own.close();
    }
  }

  /** Faults of the next pictures, see `pictureFaults`. */
  async faultsOf(name: Name, count = 30, clipFrames = 100): Promise<string[]> {
    return pictureFaults(await this.take(name, count), clipFrames);
  }

  /** Faults of several cameras, by name. They are watched at the same time. */
  async faultsOfAll(
    names: readonly Name[],
    count: number,
    clipFrames: (name: Name) => number = () => 100,
  ): Promise<ReadonlyMap<Name, readonly string[]>> {
    const watch = async (name: Name): Promise<readonly [Name, readonly string[]]> => {
      try {
        await this.running(name);
        return [name, await this.faultsOf(name, count, clipFrames(name))];
      } catch (error) {
        return [name, [String(error)]];
      }
    };
    return new Map(await Promise.all(names.map(watch)));
  }

  /** The recorded segments, oldest first. */
  files(name: Name): SegmentFile[] {
    return segmentsIn(join(this.proxy.dataDir, 'archive', name));
  }

  /** Waits until the camera has `count` segments, and returns the first `count`. */
  async recorded(name: Name, count: number, boundMs = RECORDED_BOUND_MS): Promise<SegmentFile[]> {
    await waitFor(`${count} segments of ${name}`, boundMs, () => this.files(name).length >= count);
    return this.files(name).slice(0, count);
  }
}

/** A mount of the farm, or the name of the clip that it plays. */
export type FarmCamera = string | Omit<MountOptions, 'path'>;

/** A proxy with cameras of the farm. Each mount of the farm is a camera of the proxy, with the same name. */
export class FarmScene extends ProxyScene {
  private constructor(
    readonly farm: Farm,
    proxy: Proxy,
    private readonly more: Fields<string> | undefined,
  ) {
    super(proxy);
  }

  /** Resolves when all cameras run, except those of `later`. */
  static async start(
    cameras: Readonly<Record<string, FarmCamera>>,
    { more, later = [], ...options }: SceneOptions = {},
  ): Promise<FarmScene> {
    const mounts = Object.entries(cameras).map(([path, camera]) => ({
      path,
      ...(typeof camera === 'string' ? { clip: camera } : camera),
    }));
    const farm = await Farm.start({ mounts });
    const proxy = await Proxy.start(options).catch(async (error: unknown) => {
      await farm.stop();
      throw error;
    });
    const scene = new FarmScene(farm, proxy, more);
    try {
      const names = Object.keys(cameras).filter((name) => !later.includes(name));
      for (const name of names) await scene.add(name);
      for (const name of names) await scene.running(name);
      return scene;
    } catch (error) {
      await scene.dispose();
      throw error;
    }
  }

  async add(name: string, more: Readonly<Record<string, unknown>> = {}): Promise<void> {
    await this.proxy.addCamera(name, this.farm.url(name), { ...this.more?.[name], ...more });
  }

  override async dispose(): Promise<void> {
    await super.dispose();
    await this.farm.stop();
  }
}

/** A proxy with fake cameras. Each of them is a camera of the proxy, with the same name. */
export class FakeCameraScene<Name extends string> extends ProxyScene<Name> {
  private constructor(
    readonly cameras: FakeCameras<Name>,
    proxy: Proxy,
    private readonly more: Fields<Name> | undefined,
  ) {
    super(proxy);
  }

  /** Resolves when all cameras are added, except those of `later`. They need not run yet. */
  static async start<Name extends string>(
    cameras: Readonly<Record<Name, CameraOptions>>,
    { more, later = [], ...options }: SceneOptions<Name> = {},
  ): Promise<FakeCameraScene<Name>> {
    const started = await FakeCameras.start(cameras);
    const proxy = await Proxy.start(options).catch(async (error: unknown) => {
      await started.stop();
      throw error;
    });
    const scene = new FakeCameraScene(started, proxy, more);
    try {
      for (const name of Object.keys(cameras) as Name[]) if (!later.includes(name)) await scene.add(name);
      return scene;
    } catch (error) {
      await scene.dispose();
      throw error;
    }
  }

  async add(name: Name, url = this.cameras.url(name), more: Readonly<Record<string, unknown>> = {}): Promise<void> {
    await this.proxy.addCamera(name, url, { ...this.more?.[name], ...more });
  }

  override async dispose(): Promise<void> {
    await super.dispose();
    await this.cameras.stop();
  }

  counts(name: Name): Promise<CameraCounts> {
    return this.cameras.counts(name);
  }

  /** Packets that the proxy counts beyond the pictures that the camera sent; 0 if they differ only by a few on their way. */
  async excess(name: Name): Promise<number> {
    let last = 0;
    await waitFor(`${name}: as many packets as pictures`, SETTLED_BOUND_MS, async () => {
      const [{ pictures }, { stats }] = await Promise.all([this.counts(name), this.state(name)]);
      last = stats.packets - pictures;
      return Math.abs(last) <= SETTLED_PACKETS;
    }).catch(() => undefined);
    return Math.abs(last) <= SETTLED_PACKETS ? 0 : last;
  }
}
