import { annotateCalls } from '../annotations/annotate.js';
import { evidenceFolder } from '../annotations/evidence/evidence-files.js';
import { version } from '../base/version.js';
import { startGrpcServer } from '../grpc/server.js';
import { parseScale } from '../history/scale.js';
import { encodeJpeg } from '../media/jpeg.js';
import { createRestApp, type RestParts } from '../rest/app.js';
import { listenRest } from '../rest/http/listen.js';
import type { Closers } from './closers.js';
import { cloudChecks } from './cloud-checks.js';
import type { Base } from './open-base.js';
import type { CameraParts } from './open-cameras.js';
import type { OutputParts } from './open-outputs.js';

/** The servers, which answer before the cameras have started. */
export interface Servers {
  readonly restPort: number;
  readonly grpcPort: number;
  /** From now on `/readyz` reports that the proxy is ready. */
  markReady(): void;
}

type Parts = CameraParts & OutputParts;

/** Listens on both ports. Throws failed_precondition when a port is taken. */
export async function openServers(base: Base, parts: Parts, closers: Closers): Promise<Servers> {
  const { config, tls } = base;
  const state: ServerState = { isReady: false, grpcPort: undefined };
  const app = createRestApp(restParts(base, parts, state));
  const rest = await listenRest(app, config.host, config.port, tls?.rest);
  closers.add(() => rest.close());
  const grpc = await startGrpcServer(grpcParts(base, parts));
  state.grpcPort = grpc.port;
  closers.add(() => grpc.stop());
  const markReady = (): void => {
    state.isReady = true;
  };
  return { restPort: rest.port, grpcPort: grpc.port, markReady };
}

interface ServerState {
  isReady: boolean;
  grpcPort: number | undefined;
}

function restParts(base: Base, parts: Parts, state: ServerState): RestParts {
  const { config, dataDir, store, addon, clock, logger, stopping } = base;
  const { cameras, annotations, recordings, history, webhooks, redisPublisher, passthrough, storage } = parts;
  const keys = () => store.settings.get();
  const checkParts = { annotations, webhooks, cameras, keys, stopping: stopping.signal };
  return {
    cameras,
    settings: store.settings,
    useKeys: (newKeys) => {
      for (const user of [annotations, storage, webhooks]) user?.useKeys(newKeys);
    },
    recordings,
    annotations,
    cloudChecks: () => cloudChecks(config, checkParts),
    webhooks,
    redisPublisher,
    passthrough,
    storage,
    evidenceFolder: evidenceFolder(dataDir),
    clips: store.clips,
    history,
    config,
    logger,
    version: version(),
    clock,
    ready: () => (state.isReady ? undefined : 'The proxy is starting: its cameras are not loaded yet.'),
    encodeJpeg,
    frameIds: (...range) => addon.frameIds(...range),
    segmentFrames: (path) => addon.segmentFrames(path),
    grpcPort: () => state.grpcPort,
    stopping: stopping.signal,
    limitUnsent: (descriptor, bytes) => addon.limitUnsent(descriptor, bytes),
  };
}

function grpcParts(base: Base, parts: Parts): Parameters<typeof startGrpcServer>[0] {
  const { config, addon, clock, tls } = base;
  const { cameras, annotations, evidence, passthrough, storage, history } = parts;
  return {
    host: config.host,
    port: config.grpc_port,
    tls: tls?.grpc,
    cameras,
    clock,
    releaseBuffer: (buffer) => addon.releaseBuffer(buffer),
    limitUnsent: (descriptor, bytes) => addon.limitUnsent(descriptor, bytes),
    packetSums: (ring) => addon.packetSums(ring),
    annotations: annotateCalls({ annotations, evidence }),
    passthrough,
    storage,
    history,
    defaultSizeOf: parseScale(config.buffer.in_memory_scale),
  };
}
