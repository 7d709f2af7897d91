/** A proxy with fake cameras: each camera of the scene is a camera of the proxy, with the same name. */
import { join } from 'node:path';
import { type CameraCounts, type CameraOptions, FakeCameras } from '../farm/fake-camera.js';
import { type FrameRequest, ImageClient } from './grpc-client.js';
import { Proxy } from './proxy.js';
import { numbersIn, probed, type SegmentFile, segmentsIn } from './segments.js';
import { outOfOrder, take, type Taken } from './take.js';
import { waitFor } from './wait.js';

/** The fields of a camera's REST answer that these tests use. */
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
    readonly packets: number;
    readonly packets_damaged: number;
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

export interface SceneOptions<Name extends string> {
  /** Keys of conf.yaml. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Fields with which a camera is added, by its name. */
  readonly more?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Cameras that the test adds itself. */
  readonly later?: readonly Name[];
}

const RUNNING_BOUND_MS = 30_000;
const WARM_UP = 5;
/** Time after which counts of both sides may be compared. */
const SETTLED_PACKETS = 5;

/** What can be asked of a proxy and its cameras, whatever these are. */
export class CameraScene<Name extends string> {
  readonly client: ImageClient;

  constructor(readonly proxy: Proxy) {
    this.client = new ImageClient(proxy.grpcAddress, 'unary');
  }

  async dispose(): Promise<void> {
    this.client.close();
    await this.proxy.dispose();
  }

  async state(name: Name): Promise<CameraState> {
    return (await this.proxy.camera(name)).chrysproxy as unknown as CameraState;
  }

  /** What the camera's log says. */
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

  /** Waits until pictures come in. */
  async running(name: Name, boundMs = RUNNING_BOUND_MS): Promise<CameraState> {
    return await this.until(name, 'runs', ({ phase, stats }) => phase === 'running' && stats.packets > 0, boundMs);
  }

  /** Waits until the camera has failed for this reason. */
  async failed(name: Name, reason: string, boundMs = RUNNING_BOUND_MS): Promise<CameraState> {
    return await this.until(name, `fails: ${reason}`, (state) => state.reason === reason, boundMs);
  }

  /** The next pictures, after a few by which decoding catches up with the camera. */
  async take(name: Name, count: number, request: FrameRequest = {}, boundMs = 60_000): Promise<Taken[]> {
    const own = new ImageClient(this.proxy.grpcAddress, 'unary');
    try {
      await take(own, { device_id: name, ...request }, WARM_UP, boundMs);
      return await take(own, { device_id: name, ...request }, count, boundMs);
    } finally {
      own.close();
    }
  }

  /**
   * What is wrong with the next pictures of a camera whose clip has `clipFrames`: torn or damaged ones, steps of the
   * number that are not explained by `skipped`, times that do not grow. Empty: nothing.
   */
  async faultsOf(name: Name, count = 30, clipFrames = 100): Promise<string[]> {
    return pictureFaults(await this.take(name, count), clipFrames);
  }

  /** Faults of many cameras at once, by name: watching them one after another would take long. */
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

  /** Oldest first. */
  files(name: Name): SegmentFile[] {
    return segmentsIn(join(this.proxy.dataDir, 'archive', name));
  }

  async recorded(name: Name, count: number, boundMs = 40_000): Promise<SegmentFile[]> {
    await waitFor(`${count} segments of ${name}`, boundMs, () => this.files(name).length >= count);
    return this.files(name).slice(0, count);
  }
}

export class RtspScene<Name extends string> extends CameraScene<Name> {
  private constructor(
    readonly cameras: FakeCameras<Name>,
    proxy: Proxy,
    private readonly more: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  ) {
    super(proxy);
  }

  static async start<Name extends string>(
    cameras: Readonly<Record<Name, CameraOptions>>,
    { config = {}, more = {}, later = [] }: SceneOptions<Name> = {},
  ): Promise<RtspScene<Name>> {
    const started = await FakeCameras.start(cameras);
    try {
      const scene = new RtspScene(started, await Proxy.start({ config }), more);
      for (const name of Object.keys(cameras) as Name[]) if (!later.includes(name)) await scene.add(name);
      return scene;
    } catch (error) {
      await started.stop();
      throw error;
    }
  }

  async add(name: Name, url = this.cameras.url(name), more: Readonly<Record<string, unknown>> = {}): Promise<void> {
    await this.proxy.addCamera(name, url, { ...this.more[name], ...more });
  }

  override async dispose(): Promise<void> {
    await super.dispose();
    await this.cameras.stop();
  }

  counts(name: Name): Promise<CameraCounts> {
    return this.cameras.counts(name);
  }

  /** How many more packets the proxy has than the camera has sent pictures; 0 if the counts differ by a few that are under way. */
  async excess(name: Name): Promise<number> {
    let last = 0;
    await waitFor(`${name}: as many packets as pictures`, 5000, async () => {
      const [{ pictures }, { stats }] = await Promise.all([this.counts(name), this.state(name)]);
      last = stats.packets - pictures;
      return Math.abs(last) <= SETTLED_PACKETS;
    }).catch(() => undefined);
    return Math.abs(last) <= SETTLED_PACKETS ? 0 : last;
  }
}

export function pictureFaults(taken: readonly Taken[], clipFrames: number): string[] {
  const faults: string[] = [];
  for (const [at, { number, frame }] of taken.entries()) {
    if (number === 'torn') faults.push(`picture ${at} is torn`);
    if (frame.is_corrupt) faults.push(`picture ${at} is flagged as damaged`);
    const before = taken[at - 1];
    if (before === undefined || before.number === 'torn' || number === 'torn') continue;
    const step = (number - before.number + clipFrames) % clipFrames;
    const expected = (1 + frame.skipped) % clipFrames;
    if (step !== expected) faults.push(`${before.number} is followed by ${number}, skipped ${frame.skipped}`);
  }
  for (const { frame } of outOfOrder(taken)) faults.push(`pts ${frame.pts} is not later than the one before`);
  return faults;
}

export interface ExpectedFiles {
  readonly width?: number;
  readonly height?: number;
  /** Pictures of one file. */
  readonly packets?: number;
  readonly seconds?: number;
  readonly clipFrames?: number;
  readonly codec?: string;
}

/** Share of its length by which a file may be longer or shorter: durations follow arrival, and machines are busy. */
const LENGTH_TOLERANCE = 0.25;

/**
 * What is wrong with recorded files that belong together: what FFmpeg complains about, another codec, size or number of
 * pictures than expected, a first picture that is no keyframe, a wrong length, torn or missing pictures.
 */
export async function fileFaults(
  files: readonly SegmentFile[],
  { width = 320, height = 240, packets = 25, seconds = 1, clipFrames = 100, codec = 'h264' }: ExpectedFiles = {},
): Promise<string[]> {
  const faults: string[] = [];
  let before: number | undefined;
  for (const file of files) {
    const found = await probed(file.path);
    const fault = (text: string): number => faults.push(`${file.name}: ${text}`);
    if (found.complaints !== '') fault(found.complaints);
    if (found.codec !== codec) fault(`codec ${found.codec}`);
    if (found.width !== width || found.height !== height) fault(`${found.width} x ${found.height}`);
    if (found.packets !== packets) fault(`${found.packets} packets`);
    if (!found.firstIsKeyframe) fault('does not begin with a keyframe');
    if (Math.abs(found.startSeconds) > 0.2) fault(`begins at ${found.startSeconds} s`);
    if (Math.abs(found.durationSeconds / seconds - 1) > LENGTH_TOLERANCE) fault(`lasts ${found.durationSeconds} s`);
    const numbers = await numbersIn(file.path, width, height);
    if (numbers.length !== packets) fault(`${numbers.length} pictures`);
    for (const number of numbers) {
      if (number === 'torn') fault('a torn picture');
      else if (before !== undefined && number !== (before + 1) % clipFrames)
        fault(`${before} is followed by ${number}`);
      before = number === 'torn' ? undefined : number;
    }
  }
  return faults;
}
