import { type ServerDuplexStream } from '@grpc/grpc-js';

import type { Clock } from '../base/clock.js';
import { ChrysError } from '../base/errors.js';
import type { Camera, Cameras, FrameRef } from '../cameras/types.js';
import { VideoFrame, type VideoFrameRequest } from '../gen/chrys/cloud/videostreaming/v1beta1/video_streaming.js';
import { FrameMessage, type SerializedMessage } from './frame-serializer.js';
import type { NativeAddon } from '../native/types.js';
import type { Position, Positions } from './positions.js';
import { statusOf } from './status.js';

/** How long a call waits for a new frame before it answers without one. */
const WAIT_MS = 1000;
/** Kept back of a call's deadline, so that the answer is there before the client gives up. */
const DEADLINE_MARGIN_MS = 50;
const DEFAULT_FRAME_INTERVAL_MS = 40;
/** A caller that asks again within so many frame intervals is one that takes every frame and came a moment late. */
const IN_ORDER_INTERVALS = 1.5;

/** Without a reason of its own every abort would make an exception with a stack, a hundred times a second. */
const CALL_ENDED = 'the call has ended';

export type LatestImageCall = ServerDuplexStream<VideoFrameRequest, SerializedMessage>;

export interface LatestImageContext {
  readonly cameras: Cameras;
  readonly positions: Positions;
  readonly clock: Clock;
  readonly releaseBuffer: NativeAddon['releaseBuffer'];
}

/**
 * VideoLatestImage for both generations of clients: one answer for each request, in order, until the client ends the
 * stream; a unary client ends it after its one request.
 */
export function latestImage(context: LatestImageContext, call: LatestImageCall): void {
  const gone = new AbortController();
  const leave = (): void => {
    gone.abort(CALL_ENDED);
  };
  call.on('cancelled', leave);
  // A broken connection reaches us as 'cancelled' too; without a listener the stream's error would be thrown.
  call.on('error', leave);
  void answerAll(context, call, gone.signal).catch((error: unknown) => {
    if (!gone.signal.aborted) call.emit('error', statusOf(error));
  });
}

async function answerAll(context: LatestImageContext, call: LatestImageCall, signal: AbortSignal): Promise<void> {
  // A function, since TypeScript would take what it saw before an await for what holds after it.
  const hasLeft = (): boolean => signal.aborted;
  // Of this stream, for each camera: two streams of one connection do not take frames from each other.
  const own = new Map<Camera, Position>();
  // Left to grpc-js: destroying the stream on a throw would also take the status with it.
  for await (const request of call.iterator({ destroyOnReturn: false }) as AsyncIterable<VideoFrameRequest>) {
    if (hasLeft()) return;
    if (request.deviceId === '') {
      throw new ChrysError('invalid_argument', 'device_id is missing: name the camera that you want frames of');
    }
    const camera = context.cameras.get(request.deviceId);
    const shared = context.positions.of(camera, call.getPeer());
    let position = own.get(camera);
    if (position === undefined) {
      position = { ...shared };
      own.set(camera, position);
    }
    const frame = await nextFrame(
      context,
      camera,
      position,
      request.keyFrameOnly,
      remainingMs(call, context.clock),
      signal,
    );
    if (hasLeft()) return;
    if (frame === undefined) {
      await write(call, emptyFrame(camera), signal);
    } else {
      const message = new FrameMessage(frame, context.releaseBuffer, advance(context, position, shared));
      if (await write(call, message, signal)) message.sent();
    }
  }
  call.end();
}

/** Both positions move when the frame is really copied, and to what was really copied. */
function advance(context: LatestImageContext, position: Position, shared: Position): (sequence: number) => void {
  return (sequence) => {
    context.positions.advance(position, sequence);
    context.positions.advance(shared, sequence);
  };
}

async function nextFrame(
  context: LatestImageContext,
  camera: Camera,
  position: Position,
  keyframesOnly: boolean,
  waitMs: number,
  signal: AbortSignal,
): Promise<FrameRef | undefined> {
  // A caller that comes back about once a frame takes every frame: when two wait, it gets the older one first. Anyone
  // slower gets the newest.
  const intervalMs = camera.stats.fps > 0 ? 1000 / camera.stats.fps : DEFAULT_FRAME_INTERVAL_MS;
  const inOrder = position.atMs > 0 && context.clock.monotonicMs() - position.atMs <= IN_ORDER_INTERVALS * intervalMs;
  const frame = await camera.frames.next({ after: position.sequence, keyframesOnly, inOrder, waitMs, signal });
  if (frame === undefined && !signal.aborted) refuseUnlessConnected(camera);
  return frame;
}

function refuseUnlessConnected(camera: Camera): void {
  const { name } = camera.definition;
  const { phase, message } = camera.state;
  if (phase === 'running') return;
  throw new ChrysError(
    'unavailable',
    `camera ${name} is not connected (${phase})${message === '' ? '' : `: ${message}`}`,
  );
}

function remainingMs(call: LatestImageCall, clock: Clock): number {
  const deadline = call.getDeadline();
  const deadlineMs = typeof deadline === 'number' ? deadline : deadline.getTime();
  if (!Number.isFinite(deadlineMs)) return WAIT_MS;
  return Math.max(0, Math.min(WAIT_MS, deadlineMs - clock.nowMs() - DEADLINE_MARGIN_MS));
}

/** What clients test for: a frame without data. */
function emptyFrame(camera: Camera): SerializedMessage {
  return Buffer.from(VideoFrame.encode(VideoFrame.create({ deviceId: camera.definition.name })).finish());
}

/**
 * Resolves when the message has left for the connection: the next one is not made before, whatever the client asks. False:
 * the call ended first, and the connection may still be reading the message.
 */
async function write(call: LatestImageCall, message: SerializedMessage, signal: AbortSignal): Promise<boolean> {
  return await new Promise((resolve) => {
    const ended = (): void => {
      resolve(false);
    };
    signal.addEventListener('abort', ended, { once: true });
    call.write(message, (error?: Error | null) => {
      signal.removeEventListener('abort', ended);
      resolve(!error && !signal.aborted);
    });
  });
}
