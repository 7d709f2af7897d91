/** Cameras that try to exhaust the proxy: each fails with a reason, uses bounded memory, and disturbs no other camera. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CameraOptions } from '../farm/fake-camera.js';
import { FakeCameraScene } from '../support/scene.js';
import { waitFor } from '../support/wait.js';

const MIB_OF_KIB = 1 / 1024;
/** Each camera may use the memory that its limits allow, and the process itself grows a little. */
const MAX_GROWTH_MIB = 300;

const HOSTILE = {
  headers: { hostile: { describe: 'endless-headers' } },
  line: { hostile: { describe: 'endless-line' } },
  sdp: { hostile: { describe: 'endless-sdp' } },
  length: { hostile: { describe: 'huge-length' } },
  picture: { hostile: { stream: 'endless-picture' } },
  sps: { hostile: { stream: 'huge-sps', pixels: 16_000 } },
  // More pixels than libavcodec accepts.
  'sps-16384': { hostile: { stream: 'huge-sps', pixels: 16_384 } },
  answers: { hostile: { stream: 'flood-answers' } },
  requests: { hostile: { stream: 'flood-requests' } },
} satisfies Record<string, CameraOptions>;
type Hostile = keyof typeof HOSTILE;
type Name = Hostile | 'good' | 'small-packets';

let scene: FakeCameraScene<Name>;
let rssBeforeKiB: number;

beforeAll(async () => {
  const later = [...(Object.keys(HOSTILE) as Hostile[]), 'small-packets' as const];
  scene = await FakeCameraScene.start<Name>(
    { ...HOSTILE, good: {}, 'small-packets': { hostile: { stream: 'flood-small-packets' } } },
    { later },
  );
  await scene.running('good');
  rssBeforeKiB = scene.proxy.usage().rssKiB;
  for (const name of Object.keys(HOSTILE) as Hostile[]) await scene.add(name);
});
afterAll(async () => {
  await scene.dispose();
});

describe('a hostile camera fails with its own reason', () => {
  it.each<[Hostile, readonly string[], RegExp]>([
    ['headers', ['message_too_large'], /header|line|\d/i],
    ['line', ['message_too_large'], /line|header|\d/i],
    ['sdp', ['message_too_large'], /\d/],
    ['length', ['message_too_large', 'protocol_error'], /./],
    ['picture', ['picture_too_large'], /picture/i],
    ['sps', ['too_many_pixels'], /max_pixels/],
    ['sps-16384', ['too_many_pixels'], /max_pixels/],
    ['answers', ['flood'], /messages/i],
    ['requests', ['flood'], /messages/i],
  ])('%s', async (name, reasons, says) => {
    const state = await scene.until(name, 'fails', ({ reason }) => reason !== null && reasons.includes(reason));
    expect(state.message).toMatch(says);
  });

  it('is not connected to all the time', async () => {
    for (const name of ['answers', 'picture', 'headers'] as const) {
      const { chrysproxy } = await scene.proxy.camera(name);
      const { connections } = await scene.counts(name);
      expect(connections).toBeLessThanOrEqual(6);
      expect(chrysproxy.phase).toBe('reconnecting');
    }
  });
});

describe('while hostile cameras are connected', () => {
  it('memory stays bounded', () => {
    const growthMiB = (scene.proxy.usage().rssKiB - rssBeforeKiB) * MIB_OF_KIB;
    expect(growthMiB).toBeLessThan(MAX_GROWTH_MIB);
  });

  it('other cameras and REST work', async () => {
    expect(await scene.faultsOf('good', 50)).toEqual([]);
    expect((await scene.state('good')).stats).toMatchObject({ reconnects: 0, decode_errors: 0 });
    expect((await scene.proxy.rest('GET', '/healthz')).status).toBe(200);
  });

  it('other cameras also work during a flood of packets of no track', async () => {
    await scene.add('small-packets');
    await waitFor('the flood', 60_000, async () => (await scene.counts('small-packets')).plays > 0);
    expect(await scene.faultsOf('good', 25)).toEqual([]);
    await scene.proxy.removeCamera('small-packets');
    await waitFor('the end of the flood', 60_000, async () => {
      return (await scene.counts('small-packets')).connectionsNow === 0;
    });
  });
});
