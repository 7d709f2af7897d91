import { evidenceFolder } from '../annotations/evidence/evidence-files.js';
import { PendingBook } from '../annotations/evidence/pending-evidence.js';
import { keepAliveClock, systemClock, type Clock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import { createLogger, type Logger } from '../base/log.js';
import { within } from '../base/within.js';
import { Supervisor } from '../cameras/supervisor.js';
import { ensureDataDir, resolveDataDir } from '../config/data-dir.js';
import { loadConfig } from '../config/load.js';
import { allowedSchemes, warnings } from '../config/rules.js';
import { startGrpcServer } from '../grpc/server.js';
import { History } from '../history/history.js';
import { parseScale } from '../history/scale.js';
import { beamcoder } from '../media/beamcoder.js';
import { encodeJpeg } from '../media/jpeg.js';
import { loadAddon } from '../native/addon.js';
import { Passthroughs } from '../passthrough/passthroughs.js';
import { createRestApp } from '../rest/app.js';
import { listenRest } from '../rest/http/listen.js';
import { StorageSwitch } from '../cloud-storage/storage-switch.js';
import { lockDataDir } from '../database/lock.js';
import { openStore } from '../database/store.js';
import { banner } from './banner.js';
import { cloudChecks } from './cloud-checks.js';
import { demoCamera } from './demo.js';
import { openAnnotations } from './open-annotations.js';
import { openRedisPublisher } from './open-redis-publisher.js';
import { openEvents } from './open-events.js';
import { openEvidence } from './open-evidence.js';
import { openRecordings } from './open-recordings.js';
import { openTls } from './open-tls.js';
import { openWebhooks } from './open-webhooks.js';
import { version as packageVersion } from '../base/version.js';

export interface RunOptions {
  readonly configPath?: string | undefined;
  readonly dataDir?: string | undefined;
  readonly demo: boolean;
  /** How this program is called, for the commands that it tells. */
  readonly command: string;
  /** Shows a text to the person who started it. */
  readonly announce: (text: string) => void;
}

/** A shutdown that takes longer than this has failed. */
const SHUTDOWN_BOUND_MS = 8000;

/** What was started, newest last; closed in the opposite order. */
type Closer = () => void | Promise<void>;

/**
 * Runs the proxy until SIGTERM or SIGINT and resolves with the exit code. Throws a ChrysError when it cannot start;
 * what had been started by then is closed again.
 */
export async function runProxy(options: RunOptions): Promise<number> {
  const closers: Closer[] = [];
  try {
    const logger = await start(options, closers);
    const signal = await stopSignal();
    logger.info({ signal }, 'stopping');
    return (await closeAll(closers, logger)) ? 0 : 1;
  } catch (error) {
    await closeAll(closers, undefined);
    throw error;
  }
}

async function start(options: RunOptions, closers: Closer[]): Promise<Logger> {
  const dataDir = resolveDataDir({ dataDir: options.dataDir, env: process.env });
  const { config, path } = loadConfig({ configPath: options.configPath, dataDir, env: process.env });
  const logger = createLogger({ mode: config.mode });
  logFatalErrors(logger);
  ensureDataDir(dataDir);
  const lock = lockDataDir(dataDir);
  closers.push(() => {
    lock.release();
  });
  const store = openStore(dataDir);
  closers.push(() => {
    store.close();
  });
  for (const warning of warnings(config)) logger.warn(warning);

  const addon = loadAddon();
  // That of the packets' arrivals, so that ages are right.
  const clock: Clock = { ...systemClock, nowMs: () => Math.floor(addon.wallUs() / 1000) };
  const tls = openTls(config, logger);
  closers.push(() => {
    tls?.close();
  });
  const cameras = new Supervisor({
    registry: store.cameras,
    addon,
    clock,
    logger,
    allowedSchemes: allowedSchemes(config),
    maxCameras: config.max_cameras,
    maxPixels: config.camera.max_pixels,
    packetRingSize: { minPackets: config.buffer.in_memory, maxBytes: config.buffer.in_memory_max_bytes },
    frameIds: store.frameIds,
    segments: () => recordings,
    logLevel: config.mode === 'debug' ? 'debug' : 'warn',
  });
  closers.push(() => cameras.stopAll());

  const stopping = new AbortController();
  // Before anything is cleaned away: it knows which recordings evidence still needs.
  const annotations = await openAnnotations(config, {
    dataDir,
    clock,
    logger,
    keys: store.settings.get(),
    stopping: stopping.signal,
  });
  closers.push(() => annotations.stop());
  const pendingEvidence = await PendingBook.open(annotations);

  const recordings = openRecordings(config, {
    dataDir,
    cameras,
    addon,
    clock,
    logger,
    protectedSpans: () => [...store.clips.protectedSpans(), ...pendingEvidence.spans()],
  });
  // Before the cameras stop, so that it has their last packets.
  closers.push(async () => {
    if (!(await recordings.stop())) process.once('exit', (code) => addon.endProcess(code));
  });

  const history = new History(addon, { disk: recordings, maxPixels: config.camera.max_pixels });
  closers.push(() => history.close());

  const evidence = openEvidence(config, {
    ...{ addon, dataDir, history, cameras, recordings, annotations, clock, logger },
    book: pendingEvidence,
  });
  closers.push(() => evidence.stop());

  const webhooks = await openWebhooks(config, { dataDir, clock, logger, keys: store.settings.get() });
  closers.push(() => webhooks?.stop());

  const bus = openRedisPublisher(config, { cameras, clock, logger });
  const passthrough = new Passthroughs({ cameras, clock, logger });
  closers.push(async () => {
    if (!(await passthrough.stop())) process.once('exit', (code) => addon.endProcess(code));
  });
  const events = openEvents(config, {
    ...{ cameras, recordings, passthrough, annotations, webhooks, redisPublisher: bus, clock, logger },
  });
  closers.push(async () => {
    events.close();
    await bus?.stop();
  });
  bus?.start();
  const storage = new StorageSwitch({
    cameras,
    apiEndpoint: config.api.endpoint,
    keys: store.settings.get(),
    clock,
    logger,
  });
  closers.push(() => {
    storage.stop();
  });

  // Loading it takes a moment, in which no frame would be served: better now than at the first snapshot.
  beamcoder();
  const now: { notReady: string | undefined; grpcPort: number | undefined } = {
    notReady: 'The proxy is starting: its cameras are not loaded yet.',
    grpcPort: undefined,
  };
  const app = createRestApp({
    cameras,
    settings: store.settings,
    useKeys: (keys) => {
      for (const user of [annotations, storage, webhooks]) user?.useKeys(keys);
    },
    recordings,
    annotations,
    cloudChecks: () =>
      cloudChecks(config, {
        annotations,
        webhooks,
        cameras,
        keys: () => store.settings.get(),
        stopping: stopping.signal,
      }),
    webhooks,
    redisPublisher: bus,
    passthrough,
    storage,
    evidenceFolder: evidenceFolder(dataDir),
    clips: store.clips,
    past: history,
    config,
    logger,
    version: packageVersion(),
    clock,
    ready: () => now.notReady,
    encodeJpeg,
    frameIds: (...range) => addon.frameIds(...range),
    segmentFrames: (path) => addon.segmentFrames(path),
    grpcPort: () => now.grpcPort,
    stopping: stopping.signal,
    limitUnsent: (descriptor, bytes) => addon.limitUnsent(descriptor, bytes),
  });
  const rest = await listenRest(app, config.host, config.port, tls?.rest);
  closers.push(() => rest.close());
  const grpc = await startGrpcServer({
    host: config.host,
    port: config.grpc_port,
    tls: tls?.grpc,
    cameras,
    clock,
    releaseBuffer: (buffer) => addon.releaseBuffer(buffer),
    limitUnsent: (descriptor, bytes) => addon.limitUnsent(descriptor, bytes),
    packetSums: (ring) => addon.packetSums(ring),
    annotations: evidence,
    passthrough,
    storage,
    history,
    defaultSizeOf: parseScale(config.buffer.in_memory_scale),
  });
  now.grpcPort = grpc.port;
  closers.push(() => grpc.stop());
  closers.push(() => {
    stopping.abort();
  });
  // Only now: two proxies must not open the same cameras, and a port that is taken tells that there are two.
  cameras.startAll();
  evidence.start();
  if (options.demo) addDemo(cameras, clock.nowMs());
  if (webhooks !== undefined || bus !== undefined) events.start();
  now.notReady = undefined;

  const cameraNames = cameras.list().map((camera) => camera.definition.name);
  logger.info(
    {
      version: packageVersion(),
      pid: process.pid,
      dataDir,
      config: path,
      rest: rest.port,
      grpc: grpc.port,
      cameras: cameraNames.length,
    },
    'chrysproxy is running',
  );
  options.announce(
    banner({
      version: packageVersion(),
      pid: process.pid,
      dataDir,
      configPath: path,
      restHost: config.host,
      restPort: rest.port,
      tlsCert: tls === undefined ? undefined : config.tls.cert,
      grpcPort: grpc.port,
      cameraNames,
      command: options.command,
    }),
  );
  return logger;
}

/** Not stored: without --demo it is not there at the next start. A camera of that name that the user added stays. */
function addDemo(cameras: Supervisor, nowMs: number): void {
  const demo = demoCamera(nowMs);
  if (cameras.list().some((camera) => camera.definition.name === demo.name)) return;
  cameras.add(demo, { ephemeral: true });
}

async function stopSignal(): Promise<NodeJS.Signals> {
  return await new Promise((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
}

/** False: not everything could be closed in time. */
async function closeAll(closers: readonly Closer[], logger: Logger | undefined): Promise<boolean> {
  const closeInOrder = async (): Promise<boolean> => {
    let clean = true;
    for (const close of [...closers].reverse()) {
      try {
        await close();
      } catch (error) {
        clean = false;
        logger?.error({ err: error }, `stopping failed: ${messageOf(error)}`);
      }
    }
    return clean;
  };
  return await within(closeInOrder(), SHUTDOWN_BOUND_MS, keepAliveClock, () => false);
}

/** A defect ends the process, and whoever watches over it starts it again; the log says why. */
function logFatalErrors(logger: Logger): void {
  process.on('uncaughtExceptionMonitor', (error) => {
    logger.fatal({ err: error }, 'the proxy ends because of an error that nobody handled');
  });
}
