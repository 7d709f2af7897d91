import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { StoreCall } from '../../../src/outbox/types.js';
import { ChrysError } from '../../../src/base/errors.js';
import { systemClock } from '../../../src/base/clock.js';
import type { AnnotateRequest } from '../../../src/gen/chrys/cloud/videostreaming/v1beta1/video_streaming.js';
import { startGrpcServer, type GrpcServer } from '../../../src/grpc/server.js';
import { failure, ImageClient } from '../../support/grpc-client.js';
import { waitFor } from '../../support/wait.js';
import { FakeCameras } from '../rest/fixture.js';

let server: GrpcServer;
let client: ImageClient;
/** The answer to an annotation. */
let annotate: (request: AnnotateRequest, call: StoreCall) => Promise<string>;

beforeEach(async () => {
  server = await startGrpcServer({
    tls: undefined,
    host: '127.0.0.1',
    port: 0,
    cameras: new FakeCameras(),
    clock: systemClock,
    releaseBuffer: () => true,
    limitUnsent: () => true,
    packetSums: () => expect.fail(),
    annotations: { annotate: (...call) => annotate(...call) },
    passthrough: { set: () => expect.fail() },
    storage: { set: () => expect.fail() },
    history: { open: () => expect.fail() },
    defaultSizeOf: () => ({ width: 0, height: 0, enlarge: false }),
  });
  client = new ImageClient(`127.0.0.1:${server.port}`, 'unary');
});
afterEach(async () => {
  client.close();
  await server.stop();
});

const REQUEST = { device_name: 'yard', remote_stream_id: 's', type: 'moving', start_timestamp: 1_767_323_045_123 };

it('an annotation is answered with its key fields and its id, and only after it is stored', async () => {
  let store: ((id: string) => void) | undefined;
  annotate = () => new Promise((resolve) => (store = resolve));
  let answer: unknown;
  const call = client.unary('Annotate', { ...REQUEST, confidence: 0.5 }).then((response) => (answer = response));
  await waitFor('the call', 15_000, () => store);
  // After this call, a wrong early answer would have arrived.
  await client.unary('SystemTime', {});
  expect(answer).toBeUndefined();
  store?.('an id');
  await call;
  expect(answer).toEqual({ ...REQUEST, id: 'an id' });
});

it('a refusal has the status of its kind', async () => {
  annotate = () => Promise.reject(new ChrysError('resource_exhausted', 'The disk is full.'));
  expect(await failure(client.unary('Annotate', REQUEST))).toEqual(
    expect.objectContaining({ code: status.RESOURCE_EXHAUSTED, details: expect.stringContaining('The disk is full.') }),
  );
});

it('a call whose deadline has passed is answered with DEADLINE_EXCEEDED, and counts as gone', async () => {
  let seen: StoreCall | undefined;
  annotate = (_request, call) => {
    seen = call;
    return new Promise(() => undefined);
  };
  const refused = failure(client.unary('Annotate', REQUEST, 300));
  const call = await waitFor('the call', 15_000, () => seen);
  expect(call.isGone()).toBe(false);
  expect((await refused).code).toBe(status.DEADLINE_EXCEEDED);
  await waitFor('it to be gone', 15_000, () => call.isGone());
});
