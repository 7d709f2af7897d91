import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { FarmScene } from '../support/scene.js';
import { waitFor } from '../support/wait.js';

const run = promisify(execFile);
const BOUND_MS = 30_000;
const CLIP = 'h264-640x480-25-g50';

let scene: FarmScene;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'chrysproxy-audio-'));
  scene = await FarmScene.start(
    { aac: { clip: CLIP, sound: 'aac' }, telephone: { clip: CLIP, sound: 'pcmu' } },
    { later: ['aac', 'telephone'], config: { buffer: { on_disk: true, on_disk_clean_older_than: '1h' } } },
  );
});

afterAll(async () => {
  await scene.dispose();
  rmSync(folder, { recursive: true, force: true });
});

interface Listed {
  readonly id: number;
  readonly start: number;
  readonly audio: boolean;
}

async function segments(camera: string): Promise<readonly Listed[]> {
  const { text } = await scene.proxy.rest('GET', `/api/v1/process/${camera}/segments`);
  return (JSON.parse(text) as { segments: Listed[] }).segments;
}

async function fetched(path: string): Promise<string> {
  const answer = await fetch(`${scene.proxy.restUrl}/api/v1/process/${path}`);
  expect(answer.status).toBe(200);
  const file = join(folder, 'fetched.mp4');
  writeFileSync(file, Buffer.from(await answer.arrayBuffer()));
  return file;
}

async function tracks(file: string) {
  const entries = 'stream=codec_name,start_time,duration';
  const { stdout, stderr } = await run('ffprobe', ['-v', 'warning', '-show_entries', entries, '-of', 'json', file]);
  expect(stderr).toBe('');
  await run('ffmpeg', ['-v', 'warning', '-xerror', '-i', file, '-f', 'null', '-']);
  const { streams } = JSON.parse(stdout) as { streams: { codec_name: string; start_time: string; duration: string }[] };
  return streams.map((stream) => ({
    codec: stream.codec_name,
    start: Number(stream.start_time),
    seconds: Number(stream.duration),
  }));
}

describe('the audio of a camera', () => {
  it('is recorded with the pictures, and is part of clips', async () => {
    await scene.proxy.addCamera('aac', scene.farm.url('aac'), { record_audio: true });
    await waitFor('three segments', BOUND_MS, async () => (await segments('aac')).length >= 3);
    const [first, second] = await segments('aac');
    const [picture, audio, ...none] = await tracks(await fetched(`aac/segments/${second?.id ?? 0}`));
    expect(none).toEqual([]);
    expect(picture).toMatchObject({ codec: 'h264', start: 0 });
    expect(picture?.seconds).toBeCloseTo(2, 2);
    expect(audio?.codec).toBe('aac');
    expect(audio?.start).toBeLessThan(0.05);
    expect(audio?.seconds).toBeGreaterThan(1.95);

    const from = (first?.start ?? 0) + 700;
    const clip = await tracks(await fetched(`aac/clip.mp4?from=${from}&to=${from + 3000}`));
    expect(clip.map(({ codec }) => codec)).toEqual(['h264', 'aac']);
    for (const { start, seconds } of clip) {
      expect(start).toBeLessThan(0.05);
      expect(seconds).toBeGreaterThan(2.8);
      expect(seconds).toBeLessThan(3.2);
    }
  });

  it('is left out and logged when mp4 cannot hold it', async () => {
    await scene.proxy.addCamera('telephone', scene.farm.url('telephone'), { record_audio: true });
    await waitFor('a segment', BOUND_MS, async () => (await segments('telephone')).length > 0);
    expect((await segments('telephone'))[0]?.audio).toBe(false);
    const { logs } = await scene.proxy.camera('telephone');
    expect(Buffer.from(logs.stderr, 'base64').toString()).toContain(
      'Audio is not recorded: mp4 cannot hold pcm_mulaw.',
    );
  });

  it('is switched off and on while the camera runs', async () => {
    for (const record_audio of [false, true]) {
      const before = (await segments('aac')).at(-1)?.start ?? 0;
      const answer = await scene.proxy.rest('PATCH', '/api/v1/process/aac', { record_audio });
      expect(answer.status).toBe(200);
      await waitFor('a segment with the new setting', BOUND_MS, async () => {
        const newest = (await segments('aac')).at(-1);
        return newest !== undefined && newest.start > before && newest.audio === record_audio;
      });
      expect((await scene.proxy.camera('aac')).status).toBe('running');
    }
  });
});
