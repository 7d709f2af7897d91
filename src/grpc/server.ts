import { fileURLToPath } from 'node:url';

import { Server, ServerCredentials } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { HealthImplementation, protoPath as healthProto } from 'grpc-health-check';

import { ChrysError, messageOf } from '../base/errors.js';
import { descriptorOf } from '../base/socket-descriptor.js';
import type { NativeAddon } from '../native/types.js';
import type { TlsSetup } from '../tls/tls-setup.js';
import type { HistoryContext } from './buffered-image.js';
import { watchConnections } from './connections.js';
import { directCalls } from './direct-calls.js';
import { directHandlers, imageImplementation, imageService, type ImageParts } from './image-service.js';
import { Positions } from './positions.js';
import { TlsCredentials } from './tls-credentials.js';

const PROTO_ROOT = fileURLToPath(new URL('../../proto', import.meta.url));
const IMAGE_PROTO = 'chrys/cloud/videostreaming/v1beta1/video_streaming.proto';
const IMAGE_SERVICE = 'chrys.cloud.videostreaming.v1beta1.Image';

/** With the protocol's default window of 64 KiB, a connection would wait for a window update 100 times in each frame. */
const FLOW_CONTROL_WINDOW_BYTES = 64 * 1024 * 1024;
/** Requests are small: an annotation with a long mask is the largest. */
const MAX_REQUEST_BYTES = 4 * 1024 * 1024;
const MAX_CONCURRENT_STREAMS = 1000;
const KEEPALIVE_MS = 30_000;
const SHUTDOWN_GRACE_MS = 200;
/** Limit of the kernel's send buffer. Without it, megabytes are buffered for a slow reader: many seconds of small pictures. */
const MAX_UNSENT_BYTES = 64 * 1024;

export interface GrpcServer {
  /** The port that the server listens on: the configured one, or the kernel's choice for 0. */
  readonly port: number;
  /** Ends all calls and closes the port. */
  stop(): Promise<void>;
}

/** Throws failed_precondition when the server cannot listen on the address. */
export async function startGrpcServer(
  options: ImageParts & {
    host: string;
    port: number;
    /** Undefined: plaintext. */
    tls: TlsSetup | undefined;
    releaseBuffer: NativeAddon['releaseBuffer'];
    limitUnsent: NativeAddon['limitUnsent'];
    history: HistoryContext['history'];
    /** The default size, from buffer.in_memory_scale. */
    defaultSizeOf: HistoryContext['defaultSizeOf'];
  },
): Promise<GrpcServer> {
  const context = { ...options, positions: new Positions(options.clock) };
  const server = new Server({
    interceptors: [directCalls(directHandlers(context))],
    'grpc-node.flow_control_window': FLOW_CONTROL_WINDOW_BYTES,
    'grpc.max_receive_message_length': MAX_REQUEST_BYTES,
    'grpc.max_concurrent_streams': MAX_CONCURRENT_STREAMS,
    'grpc.keepalive_time_ms': KEEPALIVE_MS,
    // The channelz debugging interface is not offered.
    'grpc.enable_channelz': 0,
  });
  server.addService(imageService, imageImplementation(options));
  const health = new HealthImplementation({ '': 'SERVING', [IMAGE_SERVICE]: 'SERVING' });
  health.addToServer(server);
  const described = loadSync([IMAGE_PROTO, healthProto], { includeDirs: [PROTO_ROOT], keepCase: true });
  new ReflectionService(described).addToServer(server);
  const port = await bind(server, options.host, options.port, credentialsOf(options.tls));
  const endWatching = watchConnections(port, (socket) => {
    const descriptor = descriptorOf(socket);
    if (descriptor >= 0) options.limitUnsent(descriptor, MAX_UNSENT_BYTES);
  });
  return {
    port,
    async stop() {
      endWatching();
      health.setStatus('', 'NOT_SERVING');
      health.setStatus(IMAGE_SERVICE, 'NOT_SERVING');
      await shutDown(server);
    },
  };
}

/** Resolves when all calls have ended, and after twice SHUTDOWN_GRACE_MS at the latest. */
async function shutDown(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    const force = setTimeout(() => {
      server.forceShutdown();
      // Node waits without a limit for a client that does not read its output. The shutdown does not wait for it.
      setTimeout(resolve, SHUTDOWN_GRACE_MS);
    }, SHUTDOWN_GRACE_MS);
    server.tryShutdown(() => {
      clearTimeout(force);
      resolve();
    });
  });
}

function credentialsOf(tls: TlsSetup | undefined): ServerCredentials {
  return tls === undefined ? ServerCredentials.createInsecure() : new TlsCredentials(tls);
}

async function bind(server: Server, host: string, port: number, credentials: ServerCredentials): Promise<number> {
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  return await new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, boundPort) => {
      if (error === null) {
        resolve(boundPort);
        return;
      }
      const advice =
        'Is another chrysproxy running? Choose another port with grpc_port, or stop the program that uses this one.';
      reject(
        new ChrysError('failed_precondition', `gRPC cannot listen on ${address}: ${messageOf(error)}. ${advice}`, {
          cause: error,
        }),
      );
    });
  });
}
