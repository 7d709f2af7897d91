import { request } from 'node:http';
import { connect } from 'node:net';
import { ChrysError } from '../../../src/base/errors.js';
import { createLogger } from '../../../src/base/log.js';
import { withChanges } from '../../../src/cameras/changes.js';
import type {
  Camera,
  CameraChanges,
  CameraDefinition,
  Cameras,
  CameraState,
  FrameQuery,
  FrameRef,
  LogLine,
} from '../../../src/cameras/types.js';
import type { ProbeResult, ProbeOptions } from '../../../src/cameras/probe/probe-types.js';
import { parseSourceUrl } from '../../../src/cameras/source/source-url.js';
import { configSchema, KNOWN_SCHEMES } from '../../../src/config/schema.js';
import type { LearnedFacts, StreamInfo } from '../../../src/native/types.js';
import { createRestApp, type RestParts } from '../../../src/rest/app.js';
import { listenRest } from '../../../src/rest/http/listen.js';
import type { Picture } from '../../../src/rest/routes/snapshot.js';
import type { Settings } from '../../../src/database/settings.js';
import { checkAnswer } from '../../support/rest-answers.js';
import { FakeAnnotations } from '../annotations/fixture.js';
import { FakeClips, FakeHistorySource, FakeRecordings } from '../recording/recordings-fixture.js';
import { FakePassthrough, FakeStorage } from './switches-fixture.js';

export const NOW_MS = Date.UTC(2026, 0, 2, 3, 4, 5);

interface FakeCamera extends Camera {
  definition: CameraDefinition;
  state: CameraState;
  stream: StreamInfo | undefined;
  learned: LearnedFacts | undefined;
  log: LogLine[];
  /** What `frames.snapshot` delivers, one after another; then nothing. */
  readonly pictures: FrameRef[];
  /** Calls of `frames.request`, which the test settles. */
  readonly waits: FrameWait[];
}

export interface FrameWait {
  readonly query: FrameQuery;
  readonly settle: (frame: FrameRef | undefined) => void;
  /** The caller has stopped waiting. */
  ended: boolean;
}

/** Cameras without threads: a camera stays in the phase `created`. */
export class FakeCameras implements Cameras {
  readonly #cameras = new Map<string, FakeCamera>();
  readonly retried: string[] = [];
  readonly probed: { readonly url: string; readonly wish: ProbeOptions }[] = [];
  /** What `probe` throws instead of returning a result. */
  probeError: Error | undefined;

  list(): FakeCamera[] {
    return [...this.#cameras.values()];
  }

  get(name: string): FakeCamera {
    const camera = this.#cameras.get(name);
    if (camera === undefined) {
      throw new ChrysError('not_found', `There is no camera "${name}".`);
    }
    return camera;
  }

  add(definition: CameraDefinition): FakeCamera {
    if (this.#cameras.has(definition.name)) {
      throw new ChrysError('already_exists', `There is already a camera "${definition.name}".`);
    }
    if (definition.rtspEndpoint.startsWith('http')) {
      throw new ChrysError('invalid_argument', 'The camera URL begins with "http:".');
    }
    const camera = fakeCamera(definition);
    this.#cameras.set(definition.name, camera);
    return camera;
  }

  update(name: string, changes: CameraChanges): FakeCamera {
    const camera = this.get(name);
    return Object.assign(camera, { definition: withChanges(camera.definition, changes, NOW_MS) });
  }

  retry(name: string, options: { readonly forget?: boolean } = {}): FakeCamera {
    const camera = this.get(name);
    this.retried.push(`${name}${options.forget === true ? ' forget' : ''}`);
    return camera;
  }

  probe(url: string, wish: ProbeOptions): Promise<ProbeResult> {
    this.probed.push({ url, wish });
    if (this.probeError !== undefined) return Promise.reject(this.probeError);
    const found = { codec: 'h264', profile: 'Main', width: 640, height: 480, pixelFormat: 'yuv420p' };
    const figures = { fps: 25, gopPackets: 50, bitrateKbps: 800, transport: 'tcp', openMs: 12 } as const;
    return Promise.resolve({ ...found, ...figures });
  }

  remove(name: string): Promise<void> {
    this.get(name);
    this.#cameras.delete(name);
    return Promise.resolve();
  }
}

function sourceOf({ rtspEndpoint }: CameraDefinition): Camera['source'] {
  try {
    return parseSourceUrl(rtspEndpoint, KNOWN_SCHEMES, { checkFile: false });
  } catch {
    return undefined;
  }
}

function fakeCamera(definition: CameraDefinition): FakeCamera {
  const pictures: FrameRef[] = [];
  const waits: FrameWait[] = [];
  return {
    definition,
    source: sourceOf(definition),
    state: { phase: 'created', sinceMs: NOW_MS, message: '', failingStreak: 0 },
    stats: {
      packets: 10,
      keyframeCount: 1,
      bytes: 1000,
      framesDecoded: 5,
      framesPublished: 4,
      framesCorrupt: 0,
      framesDropped: 0,
      decodeErrors: 0,
      packetsDamaged: 0,
      decodeUs: 50,
      convertUs: 40,
      reconnects: 0,
      fps: 25,
      gopPackets: 50,
      stallLimitMs: 0,
      lastPacketMs: NOW_MS,
      lastFrameMs: 0,
      lastError: '',
      decoding: 'idle',
      callers: 0,
    },
    stream: undefined,
    learned: undefined,
    log: [],
    pictures,
    waits,
    plainFrames: undefined,
    frames: {
      subscribe: () => ({ output: 0, frameFilter: 0, serial: 1 }),
      request: (query, settle) => {
        const wait: FrameWait = { query, settle, ended: false };
        waits.push(wait);
        return () => {
          wait.ended = true;
        };
      },
      snapshot: () => Promise.resolve(pictures.shift()),
      refusal: () => undefined,
    },
    packets: {
      ring: undefined,
      control: new SharedArrayBuffer(0),
      streams: new Map(),
      audioRing: undefined,
      periods: [],
    },
  };
}

/** A 2x1 picture after three other bytes of the message. `torn`: it is overwritten while it is copied. */
export function fakeFrame(torn = false): FrameRef {
  const bytes = Uint8Array.from([9, 9, 9, 1, 2, 3, 4, 5, 6]);
  const ref: FrameRef = {
    frameId: 1,
    keyframeCount: 1,
    keyframe: true,
    corrupt: false,
    width: 2,
    height: 1,
    arrivalMs: NOW_MS,
    byteLength: bytes.length,
    dataOffset: 3,
    dataBytes: 6,
    copyTo(target, offset) {
      target.set(bytes, offset);
      return torn ? undefined : ref;
    },
  };
  return ref;
}

export interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly text: string;
  readonly bytes: Buffer;
  /** Throws when the body is not JSON. */
  json(): unknown;
}

/** A REST server on its own port, with fakes that record what it did. */
export async function startRest(changes: Partial<RestParts> = {}) {
  const cameras = new FakeCameras();
  const recordings = new FakeRecordings();
  const clips = new FakeClips();
  const annotations = new FakeAnnotations();
  const history = new FakeHistorySource();
  const passthrough = new FakePassthrough(cameras);
  const storage = new FakeStorage(cameras);
  const encoded: Picture[] = [];
  const logLines: string[] = [];
  const checkedRoutes = new Set<string>();
  let settings: Settings = { name: 'default', edgeKey: '', edgeSecret: '', createdMs: 0, modifiedMs: 0 };
  const app = createRestApp({
    cameras,
    recordings,
    clips,
    annotations,
    cloudChecks: () => [{ of: 'annotations', check: () => annotations.checkEndpoint() }],
    evidenceFolder: '/nowhere',
    history,
    redisPublisher: undefined,
    webhooks: undefined,
    passthrough,
    storage,
    useKeys: (keys) => {
      annotations.useKeys(keys);
    },
    settings: {
      get: () => settings,
      put(edgeKey, edgeSecret, nowMs) {
        settings = { name: 'default', edgeKey, edgeSecret, createdMs: nowMs, modifiedMs: nowMs };
        return settings;
      },
    },
    config: { camera: configSchema.shape.camera.parse(undefined) },
    logger: createLogger({ mode: 'debug', stream: { write: (line) => void logLines.push(line) } }),
    version: '1.2.3',
    clock: { nowMs: () => NOW_MS, monotonicMs: () => 0, after: () => () => undefined },
    ready: () => undefined,
    segmentFrames: () => Promise.resolve(undefined),
    frameIds: (_ring, first, count) => Float64Array.from({ length: count }, (_, index) => first + index),
    grpcPort: () => 50_001,
    stopping: new AbortController().signal,
    limitUnsent: () => true,
    encodeJpeg(picture) {
      encoded.push(picture);
      return Promise.resolve(Buffer.from('a jpeg'));
    },
    ...changes,
  });
  const server = await listenRest(app, '127.0.0.1', 0, undefined);
  const { port } = server;

  /** Sends the path unchanged: `fetch` would resolve "%2e%2e" like "..". */
  const send = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const text = typeof body === 'string' || body === undefined ? body : JSON.stringify(body);
      const call = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const bytes = Buffer.concat(chunks);
          const received = bytes.toString();
          try {
            const id = checkAnswer(method, path, response.statusCode ?? 0, received);
            if (id !== undefined) checkedRoutes.add(id);
          } catch (error) {
            reject(error instanceof Error ? error : new Error(String(error)));
          }
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: received,
            bytes,
            json: (): unknown => JSON.parse(received),
          });
        });
        response.on('error', reject);
      });
      call.on('error', reject);
      call.end(text);
    });

  return {
    cameras,
    recordings,
    clips,
    annotations,
    cloudChecks: () => [{ of: 'annotations', check: () => annotations.checkEndpoint() }],
    history,
    passthrough,
    storage,
    encoded,
    logLines,
    /** Operation ids of the routes whose answers were compared with their schemas. */
    checkedRoutes,
    settings: () => settings,
    port,
    send,
    get: (path: string) => send('GET', path),
    post: (path: string, body: unknown) => send('POST', path, body),
    close: () => server.close(),
  };
}

export type RestFixture = Awaited<ReturnType<typeof startRest>>;

/** Everything that the server answers to these bytes until it closes the connection. */
export function sendRaw(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString()));
    socket.on('close', () => {
      resolve(answer);
    });
    socket.on('error', reject);
  });
}
