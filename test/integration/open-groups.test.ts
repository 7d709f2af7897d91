/** Cameras with open groups of pictures: the first B-frames of a group also refer to the group before it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readBarcode } from '../support/barcode.js';
import type { Frame } from '../support/grpc-client.js';
import { pastFrames } from '../support/history.js';
import { FarmScene } from '../support/scene.js';
import { listen, listenForEachStep } from '../support/take.js';
import { waitFor } from '../support/wait.js';

const DEVICES = ['h264', 'hevc'];
const CLIP_FRAMES = 300;
const GROUP = 50;
const BOUND_MS = 60_000;

let scene: FarmScene;

beforeAll(async () => {
  scene = await FarmScene.start(
    { h264: 'h264-640x480-25-g50-open-b2', hevc: 'hevc-640x360-25-g50-open-b2' },
    { config: { buffer: { in_memory: 200 } } },
  );
});
afterAll(async () => {
  await scene.dispose();
});

const numberOf = (frame: Frame): number | 'torn' => readBarcode(frame.data, frame.width, frame.height);

/** Frames whose number does not match their id, counted from the first frame. */
function misnumbered(frames: readonly Frame[]): unknown[] {
  const [first] = frames;
  const start = first === undefined ? 0 : Number(numberOf(first));
  return frames
    .map((frame) => ({
      id: frame.frame_id - (first?.frame_id ?? 0),
      shows: numberOf(frame),
      expected: (start + frame.frame_id - (first?.frame_id ?? 0)) % CLIP_FRAMES,
    }))
    .filter(({ shows, expected }) => shows !== expected);
}

describe.each(DEVICES)('open groups of %s', (device) => {
  it('are pushed live, every frame in order', async () => {
    const taken = await listenForEachStep(scene.client, { device_id: device }, 2 * GROUP);
    const frames = taken.map(({ frame }) => frame);
    expect(misnumbered(frames)).toEqual([]);
    for (const [index, frame] of frames.slice(1).entries()) {
      expect(frame.frame_id).toBe(frames[index]!.frame_id + 1 + frame.skipped);
    }
  });

  it('are pushed as keyframes only', async () => {
    const listener = listen(scene.client, { device_id: device, key_frame_only: true });
    await waitFor('3 keyframes', BOUND_MS, () => listener.taken.length >= 3);
    listener.stop();
    const frames = listener.taken.map(({ frame }) => frame);
    for (const frame of frames) expect(Number(numberOf(frame)) % GROUP).toBe(0);
    expect(misnumbered(frames)).toEqual([]);
    const all = await pastFrames(scene.client, { device_id: device });
    for (const frame of frames) {
      expect(frame.frame_id).toBe(all.find(({ pts }) => pts === frame.pts)?.frame_id);
    }
  });

  it('are in the history, in order and none twice', async () => {
    // The first group of the clip is closed. The others begin with pictures that need the group before.
    const all = await waitFor('memory that begins with an open group', BOUND_MS, async () => {
      const frames = await pastFrames(scene.client, { device_id: device });
      // The camera may overwrite the oldest group while it is read.
      const isWhole = frames.every(({ gap_ms }) => gap_ms === 0);
      return isWhole && numberOf(frames[0]!) !== 0 && frames;
    });
    expect(misnumbered(all)).toEqual([]);
    expect(all.length).toBeGreaterThan(2 * GROUP);
    for (let i = 1; i < all.length; i += 1) expect(all[i]!.frame_id).toBe(all[i - 1]!.frame_id + 1);
  });

  it('are in the history from their first picture, for which the group before is decoded', async () => {
    const all = await pastFrames(scene.client, { device_id: device });
    const keys = all.filter(({ is_keyframe, frame_id }) => is_keyframe && frame_id > all[0]!.frame_id + 2 * GROUP);
    // Shown before the keyframe and sent after it. The first keyframe of the clip has no such pictures.
    const leading = all.filter(({ frame_id }) =>
      keys.some((key) => key.frame_id === frame_id + 1 && numberOf(key) !== 0),
    );
    expect(leading.length).toBeGreaterThan(0);
    for (const { timestamp, frame_id } of leading) {
      const range = await pastFrames(scene.client, {
        device_id: device,
        timestamp_from: timestamp,
        timestamp_to: timestamp + 200,
      });
      expect(range[0]?.frame_id).toBe(frame_id);
      expect(misnumbered(range)).toEqual([]);
      const { items } = (await scene.client.unary('VideoBatch', { device_ids: [device], timestamp })) as {
        items: { frame: Frame }[];
      };
      expect(items[0]?.frame.frame_id).toBe(frame_id);
      expect(numberOf(items[0]!.frame)).toBe(numberOf(range[0]!));
    }
  });
});
