import {
  type ServiceDefinition,
  type UntypedServiceImplementation,
  type sendUnaryData,
  type ServerUnaryCall,
  type ServerWritableStream,
} from '@grpc/grpc-js';

import type { Annotations } from '../annotations/types.js';
import type { Clock } from '../base/clock.js';
import type { Cameras } from '../cameras/types.js';
import {
  ImageService,
  type ImageServer,
  type ListStream,
  type ListStreamRequest,
} from '../gen/chrys/cloud/videostreaming/v1beta1/video_streaming.js';
import type { NativeAddon } from '../native/types.js';
import type { Passthrough } from '../passthrough/types.js';
import type { Storage } from '../cloud-storage/types.js';
import { BufferedImageCall, type HistoryContext } from './buffered-image.js';
import { listStreamOf, probeOf } from './camera-answers.js';
import type { DirectHandlers } from './direct-calls.js';
import { cameraOf, checkDeviceId, type FrameContext } from './frame-caller.js';
import { LatestImageCall } from './latest-image.js';
import { NearestFrames } from './nearest-frame.js';
import { VideoBatchCall } from './video-batch.js';
import { VideoStreamCall } from './video-stream.js';
import { statusOf } from './status.js';

/** The generated interface without its index signature, so that a missing method is a compile error. */
type TypedImplementation = { [Rpc in keyof ImageServer as string extends Rpc ? never : Rpc]: ImageServer[Rpc] };

const finished = { responseSerialize: (message: Buffer) => message };

/** The generated service, except that the RPCs of directHandlers send finished messages. */
export const imageService: ServiceDefinition = {
  ...ImageService,
  videoLatestImage: { ...ImageService.videoLatestImage, ...finished },
  videoStream: { ...ImageService.videoStream, ...finished },
  videoBufferedImage: { ...ImageService.videoBufferedImage, ...finished },
  videoBatch: { ...ImageService.videoBatch, ...finished },
};

/** The RPCs that are answered by direct-calls.ts. */
export function directHandlers(context: FrameContext & HistoryContext): DirectHandlers {
  const batches = { ...context, nearest: new NearestFrames(context.history, context.clock) };
  return {
    [ImageService.videoLatestImage.path]: (call) => new LatestImageCall(context, call),
    [ImageService.videoStream.path]: (call) => new VideoStreamCall(context, call),
    [ImageService.videoBufferedImage.path]: (call) => new BufferedImageCall(context, call),
    [ImageService.videoBatch.path]: (call) => new VideoBatchCall(batches, call),
  };
}

/** The parts of the proxy that the other RPCs use. */
export interface ImageParts {
  readonly cameras: Cameras;
  readonly clock: Clock;
  readonly packetSums: NativeAddon['packetSums'];
  readonly annotations: Pick<Annotations, 'annotate'>;
  readonly passthrough: Pick<Passthrough, 'set'>;
  readonly storage: Pick<Storage, 'set'>;
}

export function imageImplementation(parts: ImageParts): UntypedServiceImplementation {
  const { cameras, clock, packetSums, annotations, passthrough, storage } = parts;
  const implementation: TypedImplementation = {
    videoLatestImage: answeredDirectly,
    videoStream: answeredDirectly,
    videoBatch: answeredDirectly,
    videoBufferedImage: answeredDirectly,
    listStreams: (call: ServerWritableStream<ListStreamRequest, ListStream>) => {
      for (const camera of cameras.list()) call.write(listStreamOf(camera));
      call.end();
    },
    videoProbe: unary(({ deviceId }) => probeOf(cameraOf(cameras, deviceId), packetSums)),
    systemTime: unary(() => ({ currentTime: clock.nowMs() })),
    annotate: asyncUnary(async (request, call) => {
      const id = await annotations.annotate(request, { isGone: () => call.cancelled });
      const { deviceName, remoteStreamId, type, startTimestamp } = request;
      return { deviceName, remoteStreamId, type, startTimestamp, id };
    }),
    proxy: unary(({ deviceId, passthrough: enabled }) => {
      checkDeviceId(deviceId);
      passthrough.set(deviceId, enabled);
      return { deviceId, passthrough: enabled };
    }),
    storage: asyncUnary(async ({ deviceId, start }) => {
      checkDeviceId(deviceId);
      await storage.set(deviceId, start);
      return { deviceId, start };
    }),
  };
  return implementation;
}

function answeredDirectly(): never {
  throw new Error('This RPC is answered by directHandlers');
}

function asyncUnary<Request, Response>(
  answer: (request: Request, call: ServerUnaryCall<Request, Response>) => Promise<Response>,
): (call: ServerUnaryCall<Request, Response>, callback: sendUnaryData<Response>) => void {
  return (call, callback) => {
    answer(call.request, call).then(
      (response) => {
        callback(null, response);
      },
      (error: unknown) => {
        callback(statusOf(error));
      },
    );
  };
}

function unary<Request, Response>(
  answer: (request: Request) => Response,
): (call: ServerUnaryCall<Request, Response>, callback: sendUnaryData<Response>) => void {
  return (call, callback) => {
    let response: Response;
    try {
      response = answer(call.request);
    } catch (error) {
      callback(statusOf(error));
      return;
    }
    callback(null, response);
  };
}
