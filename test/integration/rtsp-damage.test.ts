/** A lost packet damages its picture and the pictures that refer to it, and no others. What only looks like loss damages nothing. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CameraOptions } from '../farm/fake-camera.js';
import { FakeCameraScene } from '../support/scene.js';
import type { Taken } from '../support/take.js';
import { waitFor } from '../support/wait.js';

const GROUP = 25;

/** A picture in each second group is damaged, for long enough that every caller gets some. */
const EVERY_SECOND_GROUP = Array.from({ length: 40 }, (_, at) => at * 2 * GROUP + 10);

const DAMAGED = {
  lossy: { rtp: { damagePictures: EVERY_SECOND_GROUP } },
  'lossy-hevc': { video: { clip: 'hevc-320x240-25-g25-4s' }, rtp: { damagePictures: EVERY_SECOND_GROUP } },
  'lossy-udp': { rtsp: { transports: 'udp' }, rtp: { damagePictures: EVERY_SECOND_GROUP } },
} satisfies Record<string, CameraOptions>;

const CLEAN = {
  'gap-each-picture': { rtp: { sequenceGapEvery: 1, payloadBytes: 400 } },
  'new-ssrc': { rtp: { newSsrcEvery: 25 } },
  'unknown-payload-types': { rtp: { unknownPayloadTypes: true } },
  'swapped-udp': { rtsp: { transports: 'udp' }, rtp: { swapEvery: 7, payloadBytes: 400 } },
} satisfies Record<string, CameraOptions>;

type Damaged = keyof typeof DAMAGED;
type Clean = keyof typeof CLEAN;
type Name = Damaged | Clean | 'dropped';

let scene: FakeCameraScene<Name>;

beforeAll(async () => {
  scene = await FakeCameraScene.start<Name>({ ...DAMAGED, ...CLEAN, dropped: {} });
  for (const name of Object.keys({ ...DAMAGED, ...CLEAN }) as Name[]) await scene.running(name);
});
afterAll(async () => {
  await scene.dispose();
});

/** Pictures that are flagged before the loss in their group, or not flagged after it. */
function wronglyFlagged(taken: readonly Taken[]): string[] {
  return taken.flatMap(({ frame }, at) => {
    const before = taken[at - 1]?.frame;
    if (before === undefined) return [];
    // A damaged picture damages all that follow it in its group.
    const must = before.is_corrupt && frame.packet > before.packet && frame.keyframe === before.keyframe;
    if (must && !frame.is_corrupt) return [`packet ${frame.packet} follows a damaged one and is not flagged`];
    if (frame.is_keyframe && frame.is_corrupt) return ['a whole keyframe is flagged'];
    if (frame.is_corrupt && frame.packet < 10) return [`packet ${frame.packet} is flagged before the loss`];
    return [];
  });
}

describe('a lost packet', () => {
  it.each(Object.keys(DAMAGED) as Damaged[])(
    'flags its picture and those after it, up to the next keyframe: %s',
    async (name) => {
      const taken = await scene.take(name, 6 * GROUP);
      const corrupt = taken.filter(({ frame }) => frame.is_corrupt);
      expect(corrupt.length).toBeGreaterThan(0);
      expect(corrupt.length).toBeLessThan(taken.length);
      expect(wronglyFlagged(taken)).toEqual([]);
      // Every picture without the flag is whole.
      expect(taken.filter(({ number, frame }) => number === 'torn' && !frame.is_corrupt)).toEqual([]);
    },
  );

  it.each(Object.keys(DAMAGED) as Damaged[])(
    'is withheld from callers that ask for whole pictures: %s',
    async (name) => {
      const taken = await scene.take(name, 3 * GROUP, { withhold_corrupt: true, wait_ms: 3000 });
      expect(taken.filter(({ frame, number }) => frame.is_corrupt || number === 'torn')).toEqual([]);
    },
  );

  it.each(Object.keys(DAMAGED) as Damaged[])('is counted, and keeps the connection: %s', async (name) => {
    const { stats } = await scene.state(name);
    expect(stats.packets_damaged).toBeGreaterThan(10);
    expect(stats.frames_corrupt).toBeGreaterThan(10);
    expect(stats.reconnects).toBe(0);
  });

  it('is also counted over TCP', async () => {
    await scene.running('dropped');
    expect((await scene.state('dropped')).stats.packets_damaged).toBe(0);
    await scene.cameras.dropPackets('dropped', 1);
    const { stats } = await scene.until('dropped', 'counts it', (state) => state.stats.packets_damaged > 0);
    expect(stats.packets_damaged).toBeLessThanOrEqual(GROUP);
    await waitFor('whole pictures', 60_000, async () => (await scene.faultsOf('dropped', GROUP)).length === 0);
  });
});

describe('nothing is damaged by', () => {
  it.each<[string, Clean]>([
    ['sequence numbers with a gap in each picture', 'gap-each-picture'],
    ['a new SSRC each second', 'new-ssrc'],
    ['payload types that the SDP does not name', 'unknown-payload-types'],
    ['datagrams in another order', 'swapped-udp'],
  ])('%s', async (_what, name) => {
    await waitFor('the habit of the camera to be learnt', 60_000, async () => {
      return (await scene.faultsOf(name, GROUP)).length === 0;
    });
    expect(await scene.faultsOf(name, 2 * GROUP)).toEqual([]);
    expect((await scene.state(name)).stats.reconnects).toBe(0);
  });

  it('and sequence numbers with gaps are remembered as unreliable', async () => {
    const { learned } = await scene.state('gap-each-picture');
    expect(learned?.sequence_unreliable).toBe(true);
    expect((await scene.state('lossy')).learned?.sequence_unreliable ?? false).toBe(false);
  });
});
