/** A video file as a camera. */
import { copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeClip } from '../farm/clips.js';
import { clipFile } from '../support/ffmpeg.js';
import { ffmpeg } from '../support/film.js';
import { ImageClient } from '../support/grpc-client.js';
import { type ProcessAnswer, Proxy } from '../support/proxy.js';
import { misplaced, outOfOrder, take, takeEachStep, type Taken } from '../support/take.js';
import { waitFor } from '../support/wait.js';

const CLIP = 'h264-640x480-25-g25-1s';
const CLIP_FRAMES = 25;
const FPS = 25;

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

  it('plays in real time and starts again, with timestamps that continue', async () => {
    const client = new ImageClient(proxy.grpcAddress, 'unary');
    try {
      const startMs = performance.now();
      const taken = await takeEachStep(client, { device_id: 'film' }, 3 * CLIP_FRAMES);
      expect(performance.now() - startMs).toBeGreaterThan(2000);
      expect(outOfOrder(taken)).toEqual([]);
      expect(misplaced(taken, FPS, CLIP_FRAMES).map(({ number, frame }) => [number, frame.pts])).toEqual([]);
    } finally {
      client.close();
    }
  });

  it('that does not exist is refused with its path', async () => {
    const answer = await proxy.rest('POST', '/api/v1/process', {
      name: 'gone',
      rtsp_endpoint: 'file:/no/such/film.mp4',
    });
    expect(answer.status).toBe(400);
    expect(answer.text).toContain('/no/such/film.mp4');
  });
});

describe('an unusual file as a camera', () => {
  /** 75 pictures in three groups. */
  const BASE = 'h264-640x480-25-g25-3s';
  const BASE_FRAMES = 75;
  const BOUND_MS = 60_000;
  let proxy: Proxy;
  let folder: string;
  let client: ImageClient;

  beforeAll(async () => {
    makeClip(BASE);
    makeClip('h264-640x480-25-g50-b2');
    folder = mkdtempSync(join(tmpdir(), 'chrys-files-'));
    proxy = await Proxy.start({ config: { sources: { schemes: ['rtsp', 'file'] } } });
    client = new ImageClient(proxy.grpcAddress, 'unary');
  });

  afterAll(async () => {
    client.close();
    await proxy.dispose();
    rmSync(folder, { recursive: true });
  });

  /** Makes a file from the base clip with FFmpeg. */
  async function make(name: string, input: readonly string[], output: readonly string[]): Promise<string> {
    const file = join(folder, name);
    await ffmpeg(input, ['-i', clipFile(BASE)], output, ['-y', file]);
    return file;
  }

  /** Plays a file as a camera. Takes `frames` pictures, or each step of a clip of so many. */
  async function played(name: string, file: string, frames: number, taking = take): Promise<Taken[]> {
    await proxy.addCamera(name, `file:${file}`);
    await proxy.cameraIsRunning(name);
    const taken = await taking(client, { device_id: name, wait_ms: 5000 }, frames);
    await proxy.removeCamera(name);
    expect(taken.map(({ number }) => number)).not.toContain('torn');
    expect(outOfOrder(taken)).toEqual([]);
    return taken;
  }

  const numbers = (taken: readonly Taken[]): number[] => taken.map(({ number }) => (number === 'torn' ? NaN : number));

  async function reasonOf(name: string, reason: string): Promise<ProcessAnswer['chrysproxy']> {
    return await waitFor(`${name} to report ${reason}`, BOUND_MS, async () => {
      const { chrysproxy } = await proxy.camera(name);
      return chrysproxy.reason === reason ? chrysproxy : undefined;
    });
  }

  it.each([
    ['rotate=90', 'transpose=1'],
    ['rotate=180', 'hflip,vflip'],
    ['rotate=270', 'transpose=2'],
  ])('with %s has upright pictures', async (rotate, stored) => {
    const turned = await make(`${stored}.mp4`, [], ['-vf', stored, '-g', '25', '-bf', '0']);
    const file = join(folder, `${rotate.replace('=', '')}.mp4`);
    await ffmpeg(['-i', turned, '-c', 'copy', '-metadata:s:v', rotate, '-y', file]);
    const taken = await played('rotated', file, 20);
    expect([taken[0]?.frame.width, taken[0]?.frame.height]).toEqual([640, 480]);
    expect(misplaced(taken, FPS, BASE_FRAMES)).toEqual([]);
  });

  it('with an edit list begins with the picture that players show first, in each loop', async () => {
    const file = await make('editlist.mp4', ['-ss', '1.52'], ['-c', 'copy']);
    const taken = await played('edited', file, 60);
    const shown = numbers(taken);
    // The file also holds pictures 25 to 37, which are hidden.
    expect(Math.min(...shown)).toBe(38);
    const first = taken[0];
    const wrong = taken.filter(({ number, frame }) => {
      const steps = Math.round((frame.pts - (first?.frame.pts ?? NaN)) * frame.time_base * FPS);
      return number !== 38 + (((shown[0] ?? NaN) - 38 + steps) % (BASE_FRAMES - 38));
    });
    expect(numbers(wrong)).toEqual([]);
  });

  it.each<[string, readonly string[], readonly string[]]>([
    ['negative.mkv', ['-itsoffset', '-2'], ['-c', 'copy', '-avoid_negative_ts', 'disabled', '-copyts']],
    ['fragmented.mp4', [], ['-c', 'copy', '-movflags', 'frag_keyframe+empty_moov']],
    ['transport.ts', [], ['-c', 'copy']],
    ['raw.h264', [], ['-c', 'copy']],
    ['Straße Nr. 5 – 入口 41 1.mkv', [], ['-c', 'copy']],
    ['old.avi', [], ['-c:v', 'mpeg4', '-q:v', '3', '-g', '25']],
    ['free.webm', [], ['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8']],
  ])('%s shows each of its pictures in its place, over the loops', async (name, input, output) => {
    const taken = await played('odd', await make(name, input, output), BASE_FRAMES, takeEachStep);
    expect(misplaced(taken, FPS, BASE_FRAMES).map(({ number, frame }) => [number, frame.pts])).toEqual([]);
    expect(new Set(numbers(taken)).size).toBe(BASE_FRAMES);
  });

  it('with B-frames keeps the distances of its pictures over the loops', async () => {
    const clip = 'h264-640x480-25-g50-b2';
    const file = join(folder, 'short.mp4');
    await ffmpeg(['-i', clipFile(clip), '-frames:v', '50', '-c', 'copy', '-y', file]);
    expect(misplaced(await played('reordered', file, 120), FPS, 50)).toEqual([]);
  });

  it('with audio as the first track and a cover picture plays its video', async () => {
    const cover = join(folder, 'cover.jpg');
    await ffmpeg(['-f', 'lavfi', '-i', 'color=red:size=64x64', '-frames:v', '1', '-y', cover]);
    const file = join(folder, 'cover.mp4');
    await ffmpeg(
      [
        '-i',
        cover,
        '-f',
        'lavfi',
        '-i',
        'sine=duration=3',
        '-i',
        clipFile(BASE),
        '-map',
        '0',
        '-map',
        '1',
        '-map',
        '2',
      ],
      ['-c', 'copy', '-c:a', 'aac', '-disposition:v:0', 'attached_pic', '-y', file],
    );
    const taken = await played('cover', file, 10);
    expect([taken[0]?.frame.width, taken[0]?.frame.height]).toEqual([640, 480]);
  });

  it('with a variable frame rate shows each picture at its own time', async () => {
    // Five pictures in a row, then every tenth.
    const select = "select='lt(mod(n,50),5)+not(mod(n,10))'";
    const file = await make('variable.mp4', [], ['-vf', select, '-fps_mode', 'vfr', '-g', '10', '-bf', '0']);
    const taken = await played('variable', file, 20);
    const steps = taken.slice(1).map(({ frame, number, receivedMs }, index) => {
      const before = taken[index];
      if (before === undefined || typeof number !== 'number' || typeof before.number !== 'number')
        throw new Error('torn');
      return {
        pictures: number - before.number,
        media: (frame.pts - before.frame.pts) * frame.time_base,
        waited: (receivedMs - before.receivedMs) / 1000,
      };
    });
    for (const { pictures, media } of steps.filter((step) => step.pictures > 0)) {
      expect(media).toBeCloseTo(pictures / FPS, 2);
    }
    expect(steps.some(({ media }) => Math.abs(media - 0.4) < 0.01)).toBe(true);
    const waited = steps.reduce((sum, step) => sum + step.waited, 0);
    const media = steps.reduce((sum, step) => sum + step.media, 0);
    expect(Math.abs(waited - media)).toBeLessThan(2);
  });

  it('with one picture plays it once a second', async () => {
    const file = await make('one.mp4', [], ['-frames:v', '1', '-c', 'copy']);
    await proxy.addCamera('one', `file:${file}`);
    await proxy.cameraIsRunning('one');
    const taken = await take(client, { device_id: 'one', wait_ms: 5000 }, 4);
    expect(numbers(taken)).toEqual([0, 0, 0, 0]);
    for (const [index, { frame }] of taken.slice(1).entries()) {
      const before = taken[index]!.frame;
      expect(Math.round((frame.pts - before.pts) * frame.time_base)).toBe(1 + frame.skipped);
    }
    await proxy.removeCamera('one');
  });

  it('that is not a whole video is unreadable, and the message names the file', async () => {
    const whole = readFileSync(clipFile(BASE));
    const fast = readFileSync(await make('fast.mp4', [], ['-c', 'copy', '-movflags', '+faststart']));
    const files: Record<string, Uint8Array | string> = {
      empty: '',
      text: 'no video',
      noise: Buffer.alloc(4096, 0x5a),
      'without-index': whole.subarray(0, whole.length / 2),
      'cut-off': fast.subarray(0, fast.length / 2),
      playlist: '#EXTM3U\n#EXTINF:5,\n/etc/hostname\n',
    };
    for (const [name, content] of Object.entries(files)) {
      writeFileSync(join(folder, `${name}.mp4`), content);
      await proxy.addCamera(name, `file:${join(folder, name)}.mp4`);
    }
    await ffmpeg(['-f', 'lavfi', '-i', 'sine=duration=1', '-y', join(folder, 'audio-only.mp4')]);
    await proxy.addCamera('audio-only', `file:${join(folder, 'audio-only.mp4')}`);
    for (const name of [...Object.keys(files), 'audio-only']) {
      const { message, phase } = await reasonOf(name, 'file_unreadable');
      expect(message).toContain(`${name}.mp4`);
      expect(message).not.toMatch(/RTSP|port|camera's URL/);
      expect(phase).not.toBe('running');
      await proxy.removeCamera(name);
    }
  });

  it('that is deleted while it plays has a reason, and plays again when it is back', async () => {
    const file = join(folder, 'deleted.mp4');
    copyFileSync(clipFile(BASE), file);
    await proxy.addCamera('deleted', `file:${file}`);
    await proxy.cameraIsRunning('deleted');
    rmSync(file);
    const { message } = await waitFor('the reason', BOUND_MS, async () => {
      const { chrysproxy } = await proxy.camera('deleted');
      return ['file_changed', 'file_not_found'].includes(chrysproxy.reason ?? '') ? chrysproxy : undefined;
    });
    expect(message).toContain('deleted.mp4');
    copyFileSync(clipFile(BASE), file);
    await proxy.cameraIsRunning('deleted');
    await proxy.removeCamera('deleted');
  });

  it('that is replaced or truncated while it plays is opened again', async () => {
    const file = join(folder, 'replaced.mp4');
    copyFileSync(clipFile(BASE), file);
    await proxy.addCamera('replaced', `file:${file}`);
    await proxy.cameraIsRunning('replaced');
    const other = await make('other.mp4', [], ['-vf', 'scale=320:240', '-g', '25']);
    renameSync(other, file);
    await waitFor('pictures of the new file', BOUND_MS, async () => {
      const frame = await client.frame({ device_id: 'replaced', wait_ms: 1000 }).catch(() => undefined);
      return frame?.width === 320;
    });
    truncateSync(file, 5000);
    const { message } = await reasonOf('replaced', 'file_unreadable');
    expect(message).toContain('replaced.mp4');
    await proxy.removeCamera('replaced');
  });
});
