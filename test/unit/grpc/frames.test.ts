/** Calls for live frames to the gRPC server. The test decides what the camera answers. */
import { cameraDefinition } from '../../support/camera-definition.js';
import { once } from 'node:events';
import { fstatSync } from 'node:fs';
import { createConnection, createServer, type AddressInfo } from 'node:net';

import { Client, Server, ServerCredentials, credentials, status, type ServiceError } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { systemClock } from '../../../src/base/clock.js';
import type { Camera, FrameQuery, FrameRef } from '../../../src/cameras/types.js';
import { VideoFrame, VideoFrameRequest } from '../../../src/gen/chrys/cloud/videostreaming/v1beta1/video_streaming.js';
import { imageService } from '../../../src/grpc/image-service.js';
import { startGrpcServer, type GrpcServer } from '../../../src/grpc/server.js';
import { FakeCameras } from '../rest/fixture.js';

const PATH = '/chrys.cloud.videostreaming.v1beta1.Image/VideoLatestImage';
/** Bytes that gRPC puts in front of a message: a flag and its length. */
const PREFIX_BYTES = 5;

/** A finished message in a slot. A copy of it yields the frame `copied`; 0: the copy fails. */
function frameRef(frameId: number, copied = frameId): FrameRef {
  const message = VideoFrame.encode(VideoFrame.fromPartial({ data: Buffer.alloc(3, frameId), pts: copied })).finish();
  const ref: FrameRef = {
    frameId,
    keyframe: true,
    corrupt: false,
    width: 1,
    height: 1,
    arrivalMs: Date.now(),
    keyframeCount: frameId,
    byteLength: message.length,
    dataOffset: 0,
    dataBytes: 3,
    copyTo(target, targetOffset) {
      target.set(message, targetOffset);
      return copied === 0 ? undefined : { ...ref, frameId: copied };
    },
  };
  return ref;
}

function connect(port: number): Client {
  return new Client(`127.0.0.1:${port}`, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
}

async function ask(client: Client, request: Partial<VideoFrameRequest>, deadlineMs = 5000): Promise<VideoFrame> {
  return await new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      PATH,
      (value: VideoFrameRequest) => Buffer.from(VideoFrameRequest.encode(value).finish()),
      (bytes: Buffer) => VideoFrame.decode(bytes),
      VideoFrameRequest.fromPartial(request),
      { deadline: Date.now() + deadlineMs },
      (error, frame) => {
        if (error !== null || frame === undefined) reject(error ?? new Error('no answer'));
        else resolve(frame);
      },
    );
  });
}

describe('VideoLatestImage', () => {
  let server: GrpcServer;
  let camera: Camera;
  let queries: FrameQuery[];
  let answers: (FrameRef | undefined)[];
  let released: number[];
  let limited: { readonly socket: boolean; readonly bytes: number }[];
  let clients: Client[];

  beforeEach(async () => {
    queries = [];
    answers = [];
    released = [];
    limited = [];
    const cameras = new FakeCameras();
    camera = cameras.add(cameraDefinition('cam'));
    Object.assign(camera, {
      state: { phase: 'running', sinceMs: 0, message: '', failingStreak: 0 },
      frames: {
        request: (query: FrameQuery, settle: (frame: FrameRef | undefined) => void) => {
          queries.push(query);
          const timer = setImmediate(() => {
            settle(answers.shift());
          });
          return () => {
            clearImmediate(timer);
          };
        },
        snapshot: () => Promise.resolve(undefined),
        refusal: () => undefined,
      },
    });
    server = await startGrpcServer({
      tls: undefined,
      host: '127.0.0.1',
      port: 0,
      cameras,
      clock: systemClock,
      releaseBuffer: (buffer) => released.push(buffer.length) > 0,
      limitUnsent: (descriptor, bytes) => limited.push({ socket: fstatSync(descriptor).isSocket(), bytes }) > 0,
      packetSums: () => expect.fail(),
      annotations: { annotate: () => expect.fail() },
      passthrough: { set: () => expect.fail() },
      storage: { set: () => expect.fail() },
      history: { open: () => expect.fail() },
      defaultSizeOf: () => ({ width: 0, height: 0, enlarge: false }),
    });
    clients = [connect(server.port), connect(server.port)];
  });

  afterEach(async () => {
    for (const client of clients) client.close();
    await server.stop();
  });

  const client = (index: number): Client => clients[index] ?? expect.fail();

  it('continues after the frame that was copied, for each connection separately', async () => {
    answers = [frameRef(5, 7), frameRef(8), frameRef(9)];
    expect((await ask(client(0), { deviceId: 'cam' })).pts).toBe(7);
    await ask(client(0), { deviceId: 'cam' });
    await ask(client(1), { deviceId: 'cam', keyFrameOnly: true });
    expect(queries.map(({ after, options }) => [after, options.keyframesOnly])).toEqual([
      [0, false],
      [7, false],
      [0, true],
    ]);
  });

  it('limits the kernel buffer of each of its connections once, and of no other connection', async () => {
    answers = [frameRef(5), frameRef(6), frameRef(7)];
    const other = createServer((socket) => socket.end()).listen(0, '127.0.0.1');
    await once(other, 'listening');
    await once(createConnection((other.address() as AddressInfo).port, '127.0.0.1').resume(), 'close');
    other.close();
    for (const index of [0, 1, 0]) await ask(client(index), { deviceId: 'cam' });
    expect(limited).toEqual([0, 1].map(() => ({ socket: true, bytes: 65_536 })));
  });

  it('counts the frames that a caller missed up to the frame that was copied', async () => {
    answers = [frameRef(5), frameRef(6), frameRef(9, 10)];
    const skipped: number[] = [];
    for (let i = 0; i < 3; i += 1) skipped.push((await ask(client(0), { deviceId: 'cam' })).skipped);
    expect(skipped).toEqual([0, 0, 3]);
  });

  it('counts missed keyframes for a caller of keyframes', async () => {
    answers = [frameRef(5), frameRef(9)];
    await ask(client(0), { deviceId: 'cam', keyFrameOnly: true });
    expect((await ask(client(0), { deviceId: 'cam', keyFrameOnly: true })).skipped).toBe(3);
  });

  it('keeps a position for each set of frame options of a connection', async () => {
    answers = [frameRef(5), frameRef(5)];
    await ask(client(0), { deviceId: 'cam' });
    await ask(client(0), { deviceId: 'cam', intervalMs: 1000 });
    expect(queries.map(({ after }) => after)).toEqual([0, 0]);
  });

  it.each([
    [{ intervalMs: -1 }, 'interval_ms'],
    [{ intervalMs: 5, keyFrameOnly: true }, 'interval_ms'],
    [{ width: -1 }, 'width'],
    [{ height: 20_000 }, 'height'],
    [{ width: 16_000, height: 16_000, enlarge: true }, 'width'],
    [{ format: 9 }, 'format'],
    [{ quality: 101 }, 'quality'],
    [{ waitMs: -2 }, 'wait_ms'],
    [{ maxAgeMs: -1 }, 'max_age_ms'],
  ])('refuses %o and names the field', async (fields, field) => {
    const error = (await ask(client(0), { deviceId: 'cam', ...fields }).catch(
      (thrown: unknown) => thrown,
    )) as ServiceError;
    expect(error.code).toBe(status.INVALID_ARGUMENT);
    expect(error.details).toContain(`${field}: `);
  });

  it('refuses to enlarge a picture beyond the size limit, also when only one side is given', async () => {
    Object.assign(camera, { stream: { width: 1920, height: 1080 } });
    const request = { deviceId: 'cam', width: 16_000, enlarge: true };
    const error = (await ask(client(0), request).catch((thrown: unknown) => thrown)) as ServiceError;
    expect(error.code).toBe(status.INVALID_ARGUMENT);
    expect(error.details).toContain('16000x9000');
  });

  it.each(['VideoStream', 'VideoBufferedImage', 'VideoBatch'])('ends a call of %s that has no request', async (rpc) => {
    const call = client(0).makeClientStreamRequest(
      PATH.replace('VideoLatestImage', rpc),
      (value: VideoFrameRequest) => Buffer.from(VideoFrameRequest.encode(value).finish()),
      (bytes: Buffer) => VideoFrame.decode(bytes),
      () => undefined,
    );
    const ended = new Promise<number>((resolve) => {
      call.on('status', ({ code }: { code: number }) => {
        resolve(code);
      });
    });
    call.end();
    expect(await ended).toBe(status.INVALID_ARGUMENT);
  });

  it('waits as long as the request says', async () => {
    answers = [undefined, undefined];
    await ask(client(0), { deviceId: 'cam', waitMs: 300 });
    await ask(client(0), { deviceId: 'cam', waitMs: -1, maxAgeMs: 70 });
    expect(queries.map(({ waitMs, maxAgeMs }) => [waitMs, maxAgeMs])).toEqual([
      [300, 0],
      [0, 70],
    ]);
  });

  it('passes the time since the last frame of the caller', async () => {
    answers = [frameRef(1), frameRef(2)];
    await ask(client(0), { deviceId: 'cam' });
    await ask(client(0), { deviceId: 'cam' });
    expect(queries[0]?.sinceLastMs).toBe(Infinity);
    expect(queries[1]?.sinceLastMs).toBeLessThan(5000);
  });

  it('frees each sent frame once, and nothing for an answer without a frame', async () => {
    const frame = frameRef(1);
    answers = [frame, undefined];
    await ask(client(0), { deviceId: 'cam' });
    expect((await ask(client(0), { deviceId: 'cam' })).data.length).toBe(0);
    expect(released).toEqual([frame.byteLength + PREFIX_BYTES]);
  });

  it("waits no longer than the call's deadline allows", async () => {
    answers = [undefined, undefined];
    await ask(client(0), { deviceId: 'cam' }, 400);
    await ask(client(0), { deviceId: 'cam' });
    expect(queries[0]?.waitMs).toBeLessThanOrEqual(350);
    expect(queries[1]?.waitMs).toBe(1000);
  });

  it('answers the requests of one stream in turn, also those that arrive before the previous answer, and then ends it', async () => {
    answers = [frameRef(1), undefined, frameRef(2)];
    const call = client(0).makeBidiStreamRequest(
      PATH,
      (value: VideoFrameRequest) => Buffer.from(VideoFrameRequest.encode(value).finish()),
      (bytes: Buffer) => VideoFrame.decode(bytes),
    );
    const got: number[] = [];
    call.on('data', (frame: VideoFrame) => got.push(frame.data.length > 0 ? frame.pts : -1));
    for (let i = 0; i < 3; i += 1) call.write(VideoFrameRequest.fromPartial({ deviceId: 'cam' }));
    call.end();
    const ended = await new Promise<number>((resolve, reject) => {
      call.on('status', ({ code }: { code: number }) => {
        resolve(code);
      });
      call.on('error', reject);
    });
    expect(got).toEqual([1, -1, 2]);
    expect(ended).toBe(status.OK);
    expect(queries.map(({ after }) => after)).toEqual([0, 1, 1]);
  });

  it('stops waiting when the caller cancels', async () => {
    const ended = new Promise<void>((resolve) => {
      Object.assign(camera.frames, {
        request: () => {
          // The caller waits now, so the cancel ends its wait.
          setImmediate(() => {
            call.cancel();
          });
          return resolve;
        },
      });
    });
    const call = client(0).makeUnaryRequest(
      PATH,
      (value: VideoFrameRequest) => Buffer.from(VideoFrameRequest.encode(value).finish()),
      (bytes: Buffer) => VideoFrame.decode(bytes),
      VideoFrameRequest.fromPartial({ deviceId: 'cam' }),
      () => undefined,
    );
    await ended;
  });

  it('answers INTERNAL, without data, when a slot was overwritten and no newer frame can replace it', async () => {
    answers = [frameRef(5, 0)];
    const error = (await ask(client(0), { deviceId: 'cam' }).catch((thrown: unknown) => thrown)) as ServiceError;
    expect(error.code).toBe(status.INTERNAL);
    expect(released).toEqual([]);
  });

  it('has the reason in the error when the camera is not connected', async () => {
    Object.assign(camera, {
      state: { phase: 'reconnecting', sinceMs: 0, message: 'nobody is there', failingStreak: 1 },
    });
    const error = (await ask(client(0), { deviceId: 'cam' }).catch((thrown: unknown) => thrown)) as ServiceError;
    expect(error.code).toBe(status.UNAVAILABLE);
    expect(error.details).toContain('nobody is there');
  });
});

it('grpc-js uses only byteLength and copy of a message', async () => {
  const used = new Set<PropertyKey>();
  const bytes = Buffer.from(VideoFrame.encode(VideoFrame.fromPartial({ deviceId: 'x' })).finish());
  const message = new Proxy(
    {
      byteLength: bytes.length,
      copy: (target: Uint8Array, offset: number) => {
        target.set(bytes, offset);
      },
    },
    {
      get: (target, key) => {
        used.add(key);
        return Reflect.get(target, key) as unknown;
      },
    },
  );
  const server = new Server();
  const { videoLatestImage } = imageService;
  if (videoLatestImage === undefined) throw new Error('the service has no VideoLatestImage');
  server.addService(
    { videoLatestImage },
    {
      videoLatestImage: (call: {
        write: (value: unknown) => void;
        end: () => void;
        on: (name: string, run: () => void) => void;
      }) => {
        call.on('data', () => {
          call.write(message);
          call.end();
        });
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  const client = connect(port);
  try {
    expect((await ask(client, {})).deviceId).toBe('x');
    expect([...used].sort()).toEqual(['byteLength', 'copy']);
  } finally {
    client.close();
    server.forceShutdown();
  }
});
