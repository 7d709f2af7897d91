/** A stream with damaged packets: its frames come, flagged, and not to those who do not want them. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeClip } from '../farm/clips.js';
import { readBarcode } from '../support/barcode.js';
import { clipFile } from '../support/ffmpeg.js';
import { type Frame, ImageClient } from '../support/grpc-client.js';
import { pastFrames } from '../support/history.js';
import { Proxy } from '../support/proxy.js';
import { take } from '../support/take.js';

const CLIP = 'h264-640x480-25-g25-1s';

const numberOf = (frame: Frame): number | 'torn' => readBarcode(frame.data, frame.width, frame.height);

let proxy: Proxy;
let client: ImageClient;

beforeAll(async () => {
  makeClip(CLIP);
  proxy = await Proxy.start({ config: { buffer: { in_memory: 150 } } });
  const damaged = join(proxy.folder, 'damaged.ts');
  // About every fifth packet gets one wrong byte in some hundreds.
  const noise = ['-c', 'copy', '-bsf:v', 'h264_mp4toannexb,noise=amount=if(eq(mod(n\\,5)\\,3)\\,300\\,0)'];
  execFileSync('ffmpeg', ['-v', 'error', '-i', clipFile(CLIP), ...noise, damaged]);
  await proxy.addCamera('damaged', `file:${damaged}`);
  await proxy.cameraIsRunning('damaged');
  client = new ImageClient(proxy.grpcAddress, 'unary');
});

afterAll(async () => {
  client.close();
  await proxy.dispose();
});

it('flags damaged frames, and withholds them from who asks for that', async () => {
  const all = await take(client, { device_id: 'damaged' }, 75);
  expect(all.filter(({ frame }) => frame.is_corrupt).length).toBeGreaterThan(0);
  const sound = await take(client, { device_id: 'damaged', withhold_corrupt: true, wait_ms: 3000 }, 10);
  expect(sound.filter(({ frame }) => frame.is_corrupt)).toEqual([]);
});

it('does the same with the past', async () => {
  const all = await pastFrames(client, { device_id: 'damaged' });
  expect(all.filter(({ is_corrupt }) => is_corrupt).length).toBeGreaterThan(0);
  const sound = await pastFrames(client, { device_id: 'damaged', withhold_corrupt: true });
  expect(sound.length).toBeGreaterThan(0);
  expect(sound.filter(({ is_corrupt }) => is_corrupt)).toEqual([]);
});

it('has the nearest frame that is not damaged', async () => {
  const all = await pastFrames(client, { device_id: 'damaged' });
  const sound = all.filter(({ is_corrupt }) => !is_corrupt);
  // Not those at the ends: of the oldest, neighbours may leave meanwhile, and the newest get new ones.
  const damaged = all.slice(25, -10).filter(({ is_corrupt }) => is_corrupt);
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
    expect(away(found)).toBe(Math.min(...sound.map(away)));
    const same = sound.find(({ frame_id }) => frame_id === found.frame_id);
    // What damage does to later pictures depends on what the decoder had before; the barcode mostly survives it.
    if (same !== undefined && numberOf(same) !== 'torn') expect([numberOf(same), 'torn']).toContain(numberOf(found));
    const keyframe = await batch({ withhold_corrupt: true, key_frame_only: true });
    expect(keyframe).toMatchObject({ is_corrupt: false, is_keyframe: true });
    expect(away(keyframe)).toBe(Math.min(...sound.filter((one) => one.is_keyframe).map(away)));
  }
});
