import type { Logger } from '../base/log.js';
import { version } from '../base/version.js';
import type { Supervisor } from '../cameras/supervisor.js';
import { beamcoder } from '../media/beamcoder.js';
import { banner } from './banner.js';
import { Closers } from './closers.js';
import { demoCamera } from './demo.js';
import { openBase, type Base, type BaseOptions } from './open-base.js';
import { openCameras, type CameraParts } from './open-cameras.js';
import { openOutputs, type OutputParts } from './open-outputs.js';
import { openServers, type Servers } from './open-servers.js';

export interface RunOptions extends BaseOptions {
  readonly demo: boolean;
  /** The command that starts this program, for the commands that it shows. */
  readonly command: string;
  /** Shows a text to the person who started the proxy. */
  readonly announce: (text: string) => void;
}

/**
 * Runs the proxy until SIGTERM or SIGINT and resolves with the exit code. When the proxy cannot start, closes the parts
 * that are already open and throws a ChrysError.
 */
export async function runProxy(options: RunOptions): Promise<number> {
  const closers = new Closers();
  try {
    const logger = await start(options, closers);
    const signal = await stopSignal();
    logger.info({ signal }, 'The proxy stops.');
    return (await closers.closeAll(logger)) ? 0 : 1;
  } catch (error) {
    await closers.closeAll(undefined);
    throw error;
  }
}

async function start(options: RunOptions, closers: Closers): Promise<Logger> {
  const base = openBase(options, closers);
  const cameraParts = await openCameras(base, closers);
  const outputParts = await openOutputs(base, cameraParts, closers);
  // Loading beamcoder blocks for a moment, so it is loaded now, when no frame is served yet, and not at the first snapshot.
  beamcoder();
  const servers = await openServers(base, { ...cameraParts, ...outputParts }, closers);
  closers.add(() => {
    base.stopping.abort();
  });
  startWork(options, base, { ...cameraParts, ...outputParts });
  servers.markReady();
  announce(options, base, cameraParts.cameras, servers);
  return base.logger;
}

/**
 * Starts the cameras and the parts that work on them. Runs after the servers listen: a second proxy that is started by
 * mistake fails there, because its port is taken, and does not open the same cameras.
 */
function startWork({ demo }: RunOptions, { clock }: Base, parts: CameraParts & OutputParts): void {
  const { cameras, evidence, events, webhooks, redisPublisher } = parts;
  cameras.startAll();
  evidence.start();
  if (demo) addDemo(cameras, clock.nowMs());
  if (webhooks !== undefined || redisPublisher !== undefined) events.start();
}

function announce(options: RunOptions, base: Base, cameras: Supervisor, { restPort, grpcPort }: Servers): void {
  const { config, configPath, dataDir, tls, logger } = base;
  const cameraNames = cameras.list().map((camera) => camera.definition.name);
  const facts = { version: version(), pid: process.pid, dataDir };
  logger.info(
    { ...facts, config: configPath, rest: restPort, grpc: grpcPort, cameras: cameraNames.length },
    'chrysproxy is running',
  );
  options.announce(
    banner({
      ...facts,
      configPath,
      restHost: config.host,
      restPort,
      tlsCert: tls === undefined ? undefined : config.tls.cert,
      grpcPort,
      cameraNames,
      command: options.command,
    }),
  );
}

/** Adds the demo camera without storing it, unless the user has added a camera of that name. */
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
