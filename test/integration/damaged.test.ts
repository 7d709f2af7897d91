/** A stream with damaged packets: its frames are flagged, and withheld from callers that ask for that. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeClip } from '../farm/clips.js';
import { readBarcode } from '../support/barcode.js';
import { clipFile } from '../support/ffmpeg.js';
import type { Frame, ImageClient } from '../support/grpc-client.js';
import { listed, pastFrames } from '../support/history.js';
import { Proxy } from '../support/proxy.js';
import { ProxyScene } from '../support/scene.js';
import { take } from '../support/take.js';
import { waitFor } from '../support/wait.js';

const CLIP = 'h264-640x480-25-g25-1s';

const numberOf = (frame: Frame): number | 'torn' => readBarcode(frame.data, frame.width, frame.height);

let scene: ProxyScene<'damaged'>;
let client: ImageClient;
/** The first 200 frames of the history. */
let range: { readonly device_id: string; readonly timestamp_to: number };

beforeAll(async () => {
  makeClip(CLIP);
  // So much memory that no frame leaves it during the tests.
  scene = new ProxyScene(await Proxy.start({ config: { buffer: { in_memory: 5000 } } }));
  ({ client } = scene);
  const { proxy } = scene;
  const damaged = join(proxy.folder, 'damaged.ts');
  // About every fifth packet gets one wrong byte in some hundreds.
  const noise = ['-c', 'copy', '-bsf:v', 'h264_mp4toannexb,noise=amount=if(eq(mod(n\\,5)\\,3)\\,300\\,0)'];
  execFileSync('ffmpeg', ['-v', 'error', '-i', clipFile(CLIP), ...noise, damaged]);
  await proxy.addCamera('damaged', `file:${damaged}`);
  const last = await waitFor('200 frames in memory', 60_000, async () => (await listed(proxy, 'damaged'))[199]);
  range = { device_id: 'damaged', timestamp_to: last.timestamp };
});
afterAll(async () => {
  await scene.dispose();
});

it('flags damaged live frames, and withholds them from callers that ask for that', async () => {
  const all = await take(client, { device_id: 'damaged' }, 75);
  expect(all.filter(({ frame }) => frame.is_corrupt).length).toBeGreaterThan(0);
  const whole = await take(client, { device_id: 'damaged', withhold_corrupt: true, wait_ms: 3000 }, 10);
  expect(whole.filter(({ frame }) => frame.is_corrupt)).toEqual([]);
});

it('flags and withholds damaged frames of the history', async () => {
  const all = await pastFrames(client, range);
  expect(all.filter(({ is_corrupt }) => is_corrupt).length).toBeGreaterThan(0);
  const whole = await pastFrames(client, { ...range, withhold_corrupt: true });
  expect(whole.length).toBeGreaterThan(0);
  expect(whole.filter(({ is_corrupt }) => is_corrupt)).toEqual([]);
});

it('finds the nearest frame that is not damaged', async () => {
  const all = await pastFrames(client, range);
  const whole = all.filter(({ is_corrupt }) => !is_corrupt);
  // Not those at the ends of the range: their nearest frame may lie outside.
  const damaged = all.slice(25, -30).filter(({ is_corrupt }) => is_corrupt);
  expect(damaged.length).toBeGreaterThan(3);
  for (const { timestamp, is_keyframe } of damaged) {
    const away = ({ arrival_us }: { arrival_us: number }): number => Math.abs(arrival_us - timestamp * 1000);
    const batch = async (terms: object): Promise<Frame> => {
      const answer = await client.unary('VideoBatch', { device_ids: ['damaged'], timestamp, terms });
      const [item] = (answer as { items: { frame: Frame | null; error: string }[] }).items;
      expect(item?.error).toBe('');
      return item!.frame!;
    };
    expect(await batch({})).toMatchObject({ timestamp, is_keyframe, is_corrupt: true });
    const found = await batch({ withhold_corrupt: true });
    expect(found.is_corrupt).toBe(false);
    expect(away(found)).toBe(Math.min(...whole.map(away)));
    const same = whole.find(({ frame_id }) => frame_id === found.frame_id);
    // How damage shows in later pictures depends on what was decoded before. Mostly the barcode stays readable.
    if (same !== undefined && numberOf(same) !== 'torn') expect([numberOf(same), 'torn']).toContain(numberOf(found));
    const keyframe = await batch({ withhold_corrupt: true, key_frame_only: true });
    expect(keyframe).toMatchObject({ is_corrupt: false, is_keyframe: true });
    expect(away(keyframe)).toBe(Math.min(...whole.filter((one) => one.is_keyframe).map(away)));
  }
});
