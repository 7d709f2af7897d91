/** gRPC clients that are made from the .proto at run time. They share no code with the proxy. */
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { join } from 'node:path';
import { PROJECT } from './proxy.js';

export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly data: Buffer;
  readonly timestamp: number;
  readonly is_keyframe: boolean;
  readonly pts: number;
  readonly dts: number;
  readonly frame_type: string;
  readonly is_corrupt: boolean;
  readonly time_base: number;
  readonly shape: { readonly dim: readonly { readonly size: number; readonly name: string }[] } | null;
  readonly device_id: string;
  readonly packet: number;
  readonly keyframe: number;
  readonly codec_name: string;
  readonly pix_fmt: string;
  readonly frame_id: number;
  readonly arrival_us: number;
  readonly sender_us: number;
  readonly skipped: number;
  readonly format: string;
  readonly gap_ms: number;
  readonly original_frame_id: number;
  readonly original_arrival_us: number;
}

export interface FrameRequest {
  readonly device_id?: string;
  readonly key_frame_only?: boolean;
  readonly interval_ms?: number;
  readonly width?: number;
  readonly height?: number;
  readonly format?: 'BGR24' | 'RGB24' | 'GRAY8' | 'I420' | 'JPEG';
  readonly quality?: number;
  readonly wait_ms?: number;
  readonly max_age_ms?: number;
  readonly withhold_corrupt?: boolean;
  readonly enlarge?: boolean;
}

export type Generation = 'bidirectional' | 'unary';

const SERVICE = 'chrys.cloud.videostreaming.v1beta1.Image';
const MAX_RECEIVE_BYTES = 50 * 1024 * 1024;
const CALL_DEADLINE_MS = 60_000;

function definition(generation: Generation): grpc.ServiceDefinition {
  const loaded = loadSync(join(PROJECT, 'proto/chrys/cloud/videostreaming/v1beta1/video_streaming.proto'), {
    includeDirs: [join(PROJECT, 'proto')],
    keepCase: true,
    longs: Number,
    enums: String,
    defaults: true,
  });
  const service = loaded[SERVICE] as grpc.ServiceDefinition;
  const streams = generation === 'bidirectional';
  const rpc = service.VideoLatestImage;
  if (rpc === undefined) throw new Error('The .proto has no VideoLatestImage');
  return { ...service, VideoLatestImage: { ...rpc, requestStream: streams, responseStream: streams } };
}

/** Decodes a VideoFrame that did not come over gRPC. */
export function decodeFrame(bytes: Buffer): Frame {
  const rpc = definition('unary')['VideoLatestImage'];
  if (rpc === undefined) throw new Error('The .proto has no VideoLatestImage');
  return rpc.responseDeserialize(bytes) as Frame;
}

type Unary = (request: object, options: object, done: (error: Error | null, answer: unknown) => void) => unknown;
type Duplex = () => grpc.ClientDuplexStream<FrameRequest, Frame>;
type ServerStream = (request: object, options: object) => grpc.ClientReadableStream<unknown>;

/** One connection. `generation`: whether VideoLatestImage is a unary call, or a stream of requests and answers as in 0.0.5. */
export class ImageClient {
  readonly #client: grpc.Client & Readonly<Record<string, unknown>>;
  #stream: grpc.ClientDuplexStream<FrameRequest, Frame> | undefined;

  constructor(
    address: string,
    readonly generation: Generation,
  ) {
    const Client = grpc.makeGenericClientConstructor(definition(generation), 'Image');
    this.#client = new Client(address, grpc.credentials.createInsecure(), {
      'grpc.max_receive_message_length': MAX_RECEIVE_BYTES,
      // With the default window, a picture of megabytes waits for a window update every 64 KiB.
      'grpc-node.flow_control_window': MAX_RECEIVE_BYTES,
      // Each client has a connection of its own.
      'grpc.use_local_subchannel_pool': 1,
    });
  }

  /** Asks once. Resolves with the answer, which may have no picture. */
  frame(request: FrameRequest): Promise<Frame> {
    return this.generation === 'unary'
      ? (this.unary('VideoLatestImage', request) as Promise<Frame>)
      : this.#streamed(request);
  }

  unary(method: string, request: object, deadlineMs = CALL_DEADLINE_MS): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const call = this.#client[method] as Unary;
      call.call(this.#client, request, { deadline: Date.now() + deadlineMs }, (error, answer) => {
        if (error === null) resolve(answer);
        else reject(error);
      });
    });
  }

  /** All messages of a server stream. */
  async all(method: string, request: object): Promise<unknown[]> {
    const call = this.#client[method] as ServerStream;
    const answers: unknown[] = [];
    const stream = call.call(this.#client, request, { deadline: Date.now() + CALL_DEADLINE_MS });
    for await (const answer of stream) answers.push(answer);
    return answers;
  }

  /** A server stream of frames, until it is cancelled. */
  frames(method: string, request: object): grpc.ClientReadableStream<Frame> {
    const call = this.#client[method] as ServerStream;
    return call.call(this.#client, request, {}) as grpc.ClientReadableStream<Frame>;
  }

  close(): void {
    this.#stream?.end();
    this.#client.close();
  }

  /** As clients of 0.0.5 do: one stream for all calls, one request for each frame. */
  #streamed(request: FrameRequest): Promise<Frame> {
    if (this.#stream === undefined) {
      this.#stream = (this.#client.VideoLatestImage as Duplex).call(this.#client);
      this.#stream.on('error', () => {
        this.#stream = undefined;
      });
    }
    const stream = this.#stream;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        settle();
        reject(new Error(`No answer on the stream within ${CALL_DEADLINE_MS} ms`));
      }, CALL_DEADLINE_MS);
      const onData = (frame: Frame): void => {
        settle();
        resolve(frame);
      };
      const onError = (error: Error): void => {
        settle();
        reject(error);
      };
      const onEnd = (): void => {
        settle();
        reject(new Error('The server ended the stream'));
      };
      const settle = (): void => {
        clearTimeout(timer);
        stream.off('data', onData).off('error', onError).off('end', onEnd);
      };
      stream.on('data', onData).on('error', onError).on('end', onEnd);
      stream.write(request);
    });
  }
}

/** Status code and details of a call that fails. Throws when it does not fail. */
export async function failure(call: Promise<unknown>): Promise<{ code: grpc.status; details: string }> {
  try {
    await call;
  } catch (error) {
    const { code, details } = error as grpc.ServiceError;
    if (typeof code === 'number') return { code, details };
    throw error;
  }
  throw new Error('The call was answered, although it should have failed');
}
