/** A stream with damaged packets: its frames come, flagged, and not to those who do not want them. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeClip } from '../farm/clips.js';
import { clipFile } from '../support/ffmpeg.js';
import { ImageClient } from '../support/grpc-client.js';
import { pastFrames } from '../support/past.js';
import { Proxy } from '../support/proxy.js';
import { take } from '../support/take.js';

const CLIP = 'h264-640x480-25-g25-1s';

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
