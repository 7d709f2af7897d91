/**
 * A connection to chrysproxy. All examples use it. Copy this file and the .proto file into your own project to start with.
 */
import { Client, credentials, type MethodDefinition, type ServiceError, status } from '@grpc/grpc-js';
import { loadSync, type Options } from '@grpc/proto-loader';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';

// Relative to build/, where the compiled examples are.
const PROTO_ROOT = fileURLToPath(new URL('../../../proto', import.meta.url));
const PROTO = 'chrys/cloud/videostreaming/v1beta1/video_streaming.proto';
const SERVICE = 'chrys.cloud.videostreaming.v1beta1.Image';
const LOADING: Options = { includeDirs: [PROTO_ROOT], keepCase: true, longs: Number, defaults: true };

/** The fields of a VideoFrame that the examples use; the .proto has them all. */
export interface VideoFrame {
  width: number;
  height: number;
  /** Blue, green, red; rows from the top; height x width x 3 bytes. */
  data: Buffer;
  /** Milliseconds since the epoch. */
  timestamp: number;
  is_keyframe: boolean;
  frame_type: string;
  pts: number;
}

export interface ListStream {
  name: string;
  status: string;
  running: boolean;
  error: string;
}

export class Proxy {
  readonly #client: Client;
  readonly #methods = loadSync(PROTO, LOADING)[SERVICE] as Record<string, MethodDefinition<object, object>>;

  /** `address` is host:port; the proxy's default gRPC port is 50001. */
  constructor(address = '127.0.0.1:50001') {
    this.#client = new Client(address, credentials.createInsecure(), {
      // A 1080p frame is 6.2 MB; the default limit of gRPC is 4 MB.
      'grpc.max_receive_message_length': 50 * 1024 * 1024,
      // A flow-control window for whole frames, so that a large frame does not wait for the client.
      'grpc-node.flow_control_window': 64 * 1024 * 1024,
    });
  }

  async cameras(): Promise<ListStream[]> {
    const method = this.#method('ListStreams');
    const deadline = Date.now() + 10_000;
    const call = this.#client.makeServerStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      {},
      { deadline },
    );
    return (await call.toArray()) as ListStream[];
  }

  /** Yields the frames of a camera without end, and waits while the camera is away. */
  async *frames(camera: string, keyframesOnly = false): AsyncGenerator<VideoFrame, never> {
    for (;;) {
      try {
        const frame = await this.#latestImage({ device_id: camera, key_frame_only: keyframesOnly });
        // Empty: the camera is connected, but no new frame came in time.
        if (frame.data.length > 0) yield frame;
      } catch (error) {
        if ((error as ServiceError).code !== status.UNAVAILABLE) throw error;
        console.error(`${camera}: ${(error as ServiceError).details}`);
        await sleep(1000);
      }
    }
  }

  close(): void {
    this.#client.close();
  }

  /** The .proto declares a bidirectional stream. A unary call is a stream of one, and simpler to use. */
  #latestImage(request: object): Promise<VideoFrame> {
    const method = this.#method('VideoLatestImage');
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        { deadline: Date.now() + 30_000 },
        (error, frame) => {
          if (error === null) resolve(frame as VideoFrame);
          else reject(error);
        },
      );
    });
  }

  #method(name: string): MethodDefinition<object, object> {
    const method = this.#methods[name];
    if (method === undefined) throw new Error(`${PROTO_ROOT}/${PROTO} has no method ${name}`);
    return method;
  }
}

/** Runs an example. If a call fails, prints why and sets the exit code. */
export async function run(example: () => Promise<void>): Promise<void> {
  try {
    await example();
  } catch (error) {
    const { code, details } = error as Partial<ServiceError>;
    console.error(code === undefined ? error : `chrysproxy answered ${status[code]}: ${details ?? ''}`);
    process.exitCode = 1;
  }
}
