/** A video file as a camera: for the demo, and for whoever has no camera at hand. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeClip } from '../farm/clips.js';
import { clipFile } from '../support/ffmpeg.js';
import { ImageClient } from '../support/grpc-client.js';
import { Proxy } from '../support/proxy.js';
import { leastMissed, misplaced, missed, outOfOrder, take } from '../support/take.js';

const CLIP = 'h264-640x480-25-g25-1s';
const CLIP_FRAMES = 25;
const FPS = 25;
const ATTEMPTS = 5;
/** Less than one in each group of pictures, which is what a fault of the decoder or the ring would cost. */
const MAY_MISS = 1;

describe('a file as a camera', () => {
  let proxy: Proxy;

  beforeAll(async () => {
    makeClip(CLIP);
    proxy = await Proxy.start({ config: { sources: { schemes: ['rtsp', 'file'] } } });
    await proxy.addCamera('film', `file:${clipFile(CLIP)}`);
    await proxy.cameraIsRunning('film');
  });

  afterAll(async () => {
    await proxy.dispose();
  });

  it('plays in real time and begins again, with timestamps that go on', async () => {
    const client = new ImageClient(proxy.grpcAddress, 'unary');
    try {
      const run = async (): Promise<number> => {
        const startMs = performance.now();
        const taken = await take(client, { device_id: 'film' }, 80);
        expect(performance.now() - startMs).toBeGreaterThan(2000);
        expect(outOfOrder(taken)).toEqual([]);
        expect(misplaced(taken, FPS, CLIP_FRAMES).map(({ number, frame }) => [number, frame.pts])).toEqual([]);
        return missed(taken, FPS);
      };
      expect(await leastMissed(ATTEMPTS, run)).toBeLessThanOrEqual(MAY_MISS);
    } finally {
      client.close();
    }
  });

  it('that is not there is refused with its path', async () => {
    const answer = await proxy.rest('POST', '/api/v1/process', {
      name: 'gone',
      rtsp_endpoint: 'file:/no/such/film.mp4',
    });
    expect(answer.status).toBe(400);
    expect(answer.text).toContain('/no/such/film.mp4');
  });
});
