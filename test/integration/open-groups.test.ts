/** Cameras whose groups of pictures are open: the first B-frames of a group also refer to the group before it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Farm } from '../farm/farm.js';
import { readBarcode } from '../support/barcode.js';
import { type Frame, type FrameRequest, ImageClient } from '../support/grpc-client.js';
import { pastFrames } from '../support/history.js';
import { Proxy } from '../support/proxy.js';
import { waitFor } from '../support/wait.js';

const DEVICES = ['h264', 'hevc'];
const CLIP_FRAMES = 300;
const GROUP = 50;

let farm: Farm;
let proxy: Proxy;
let client: ImageClient;

beforeAll(async () => {
  farm = await Farm.start({
    mounts: [
      { path: 'h264', clip: 'h264-640x480-25-g50-open-b2' },
      { path: 'hevc', clip: 'hevc-640x360-25-g50-open-b2' },
    ],
  });
  proxy = await Proxy.start({ config: { buffer: { in_memory: 200 } } });
  for (const device of DEVICES) await proxy.addCamera(device, farm.url(device));
  for (const device of DEVICES) await proxy.cameraIsRunning(device);
  client = new ImageClient(proxy.grpcAddress, 'unary');
});

afterAll(async () => {
  client.close();
  await proxy.dispose();
  await farm.stop();
});

const numberOf = (frame: Frame): number | 'torn' => readBarcode(frame.data, frame.width, frame.height);

async function pushed(request: FrameRequest, count: number): Promise<Frame[]> {
  const stream = client.frames('VideoStream', request);
  const frames: Frame[] = [];
  stream.on('data', (frame: Frame) => frames.push(frame));
  stream.on('error', () => undefined);
  await waitFor(`${count} frames`, 60_000, () => frames.length >= count);
  stream.cancel();
  return frames;
}

/** Numbers that are not what the id calls for, counted from the first frame. */
function misnumbered(frames: readonly Frame[]): unknown[] {
  const [first] = frames;
  const start = first === undefined ? 0 : Number(numberOf(first));
  return frames
    .map((frame) => ({
      id: frame.frame_id - (first?.frame_id ?? 0),
      shows: numberOf(frame),
      calledFor: (start + frame.frame_id - (first?.frame_id ?? 0)) % CLIP_FRAMES,
    }))
    .filter(({ shows, calledFor }) => shows !== calledFor);
}

describe.each(DEVICES)('of %s', (device) => {
  it('come live, every frame in order', async () => {
    const frames = await pushed({ device_id: device }, 4 * GROUP);
    expect(misnumbered(frames)).toEqual([]);
    const missed = frames.slice(1).reduce((sum, { skipped }) => sum + skipped, 0);
    expect(frames.at(-1)!.frame_id - frames[0]!.frame_id).toBe(frames.length - 1 + missed);
    expect(missed).toBeLessThanOrEqual(5);
    for (let i = 1; i < frames.length; i += 1) expect(frames[i]!.frame_id).toBeGreaterThan(frames[i - 1]!.frame_id);
  });

  it('come as keyframes alone', async () => {
    const frames = await pushed({ device_id: device, key_frame_only: true }, 3);
    for (const frame of frames) expect(Number(numberOf(frame)) % GROUP).toBe(0);
    expect(misnumbered(frames)).toEqual([]);
    const all = await pastFrames(client, { device_id: device });
    for (const frame of frames) {
      expect(frame.frame_id).toBe(all.find(({ pts }) => pts === frame.pts)?.frame_id);
    }
  });

  it('come from the past, in order and none twice', async () => {
    // The clip's first keyframe begins a closed group; the others have pictures of which only the group before makes sense.
    const all = await waitFor('memory that begins with an open group', 30_000, async () => {
      const frames = await pastFrames(client, { device_id: device });
      // The camera may overtake whoever reads its oldest group.
      const isWhole = frames.every(({ gap_ms }) => gap_ms === 0);
      return isWhole && numberOf(frames[0]!) !== 0 && frames;
    });
    expect(misnumbered(all)).toEqual([]);
    expect(all.length).toBeGreaterThan(2 * GROUP);
    for (let i = 1; i < all.length; i += 1) expect(all[i]!.frame_id).toBe(all[i - 1]!.frame_id + 1);
  });

  it('come from the past also when only the group before makes them whole', async () => {
    const all = await pastFrames(client, { device_id: device });
    const keys = all.filter(({ is_keyframe, frame_id }) => is_keyframe && frame_id > all[0]!.frame_id + 2 * GROUP);
    // Shown before its keyframe and sent after it. The clip begins with a keyframe that has none.
    const leading = all.filter(({ frame_id }) =>
      keys.some((key) => key.frame_id === frame_id + 1 && numberOf(key) !== 0),
    );
    expect(leading.length).toBeGreaterThan(0);
    for (const { timestamp, frame_id } of leading) {
      const range = await pastFrames(client, {
        device_id: device,
        timestamp_from: timestamp,
        timestamp_to: timestamp + 200,
      });
      expect(range[0]?.frame_id).toBe(frame_id);
      expect(misnumbered(range)).toEqual([]);
      const { items } = (await client.unary('VideoBatch', { device_ids: [device], timestamp })) as {
        items: { frame: Frame }[];
      };
      expect(items[0]?.frame.frame_id).toBe(frame_id);
      expect(numberOf(items[0]!.frame)).toBe(numberOf(range[0]!));
    }
  });
});
