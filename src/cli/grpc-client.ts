import {
  Client,
  Metadata,
  credentials,
  status,
  type ChannelCredentials,
  type ClientUnaryCall,
  type MethodDefinition,
  type ServiceError,
} from '@grpc/grpc-js';
import { redact } from '../base/redact.js';
import {
  ImageService,
  type VideoBuffer,
  type VideoFrame,
  type VideoFrameBufferedRequest,
} from '../gen/chrys/cloud/videostreaming/v1beta1/video_streaming.js';
import type { ClientTls } from './client-tls.js';
import { CliError, EXIT, type ExitCode } from './exit-codes.js';

const DEADLINE_MS = 10_000;
/** The limit that gRPC clients of the proxy use; frames are smaller. */
const MAX_MESSAGE_BYTES = 50 * 1024 * 1024;

const CODE_OF_STATUS: Partial<Record<status, ExitCode>> = {
  [status.INVALID_ARGUMENT]: EXIT.usage,
  [status.NOT_FOUND]: EXIT.notFound,
};

/** The gRPC interface of a running proxy. Every method throws CliError. */
export class ImageClient {
  readonly #client: Client;

  /** Connects in plaintext without `tls`. */
  constructor(
    private readonly address: string,
    tls: ClientTls | undefined,
  ) {
    this.#client = new Client(address, credentialsOf(tls), {
      'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
      'grpc.enable_retries': 0,
    });
  }

  /** The proxy's clock, milliseconds since the epoch. */
  async now(): Promise<number> {
    try {
      return (await this.#unary(ImageService.systemTime, {})).currentTime;
    } catch (error) {
      throw this.#unreachable(error as ServiceError);
    }
  }

  /** The range of a camera's frames in memory; undefined when there are none. */
  async memoryRange(deviceId: string): Promise<VideoBuffer | undefined> {
    try {
      const { buffer } = await this.#unary(ImageService.videoProbe, { deviceId });
      return buffer === undefined || buffer.startTime === 0 ? undefined : buffer;
    } catch (error) {
      throw cliErrorOf(error as ServiceError);
    }
  }

  /** Frames of the history, oldest first, with back-pressure. Ends early when `signal` is aborted. */
  async *history(request: VideoFrameBufferedRequest, signal: AbortSignal): AsyncGenerator<VideoFrame> {
    const { path, requestSerialize, responseDeserialize } = ImageService.videoBufferedImage;
    const call = this.#client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request);
    const cancel = (): void => {
      call.cancel();
    };
    signal.addEventListener('abort', cancel);
    if (signal.aborted) cancel();
    try {
      for await (const frame of call) yield frame as VideoFrame;
    } catch (error) {
      if (signal.aborted && (error as Partial<ServiceError>).code === status.CANCELLED) return;
      throw cliErrorOf(error as ServiceError);
    } finally {
      signal.removeEventListener('abort', cancel);
      call.cancel();
    }
  }

  close(): void {
    this.#client.close();
  }

  #unary<Request, Response>(
    { path, requestSerialize, responseDeserialize }: MethodDefinition<Request, Response>,
    request: Request,
  ): Promise<Response> {
    const options = { deadline: Date.now() + DEADLINE_MS };
    return new Promise((resolve, reject) => {
      const done = (error: ServiceError | null, answer?: Response): void => {
        if (error === null && answer !== undefined) resolve(answer);
        else reject(error ?? new Error('The answer has no message'));
      };
      const call: ClientUnaryCall = this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        new Metadata(),
        options,
        done,
      );
      call.on('error', reject);
    });
  }

  #unreachable(error: ServiceError): CliError {
    // grpc-js reports every attempt; only the last one is useful.
    const last = /Last error: (.*?)(?: \(\d{4}-[^)]*\))?\. Resolution/.exec(error.details)?.[1];
    const detail = redact(last ?? error.details);
    const text = `No gRPC of chrysproxy answers at ${this.address} (${detail}): give its address with --grpc.`;
    return new CliError(EXIT.noProxy, text, { cause: error });
  }
}

function credentialsOf(tls: ClientTls | undefined): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  return credentials.createSsl(tls.ca ?? null, tls.key ?? null, tls.cert ?? null);
}

function cliErrorOf(error: ServiceError): CliError {
  const exitCode = CODE_OF_STATUS[error.code] ?? EXIT.failed;
  return new CliError(exitCode, redact(error.details), { cause: error });
}
