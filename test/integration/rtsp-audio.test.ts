/** Audio of cameras: it is recorded where mp4 can hold it, logged where not, and never disturbs the video. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CameraOptions } from '../farm/fake-camera.js';
import { FakeCameraScene } from '../support/scene.js';
import { waitFor } from '../support/wait.js';

const run = promisify(execFile);

const WITH_AUDIO = {
  aac: { audio: { codec: 'aac' } },
  latm: { audio: { codec: 'latm' } },
  opus: { audio: { codec: 'opus' } },
  'aac-and-back-channel': { audio: { codec: 'aac' }, sdp: { backChannel: true } },
  'aac-fast-clock': { audio: { codec: 'aac', speed: 1.02 } },
  'aac-hevc': { audio: { codec: 'aac' }, video: { clip: 'hevc-320x240-25-g25-4s' } },
} satisfies Record<string, CameraOptions>;

/** Re-encoded to AAC, or named in the log. */
const RECODED = {
  pcmu: { audio: { codec: 'pcmu' } },
  pcma: { audio: { codec: 'pcma' } },
  l16: { audio: { codec: 'l16' } },
  g726: { audio: { codec: 'g726' } },
} satisfies Record<string, CameraOptions>;

const WITHOUT_AUDIO = {
  'setup-refused': { audio: { codec: 'aac', setupStatus: 400 } },
  'setup-404': { audio: { codec: 'opus', setupStatus: 404 } },
  silent: { audio: { codec: 'aac', silent: true } },
  'back-channel-only': { sdp: { backChannel: true } },
} satisfies Record<string, CameraOptions>;

type WithAudio = keyof typeof WITH_AUDIO;
type Recoded = keyof typeof RECODED;
type WithoutAudio = keyof typeof WITHOUT_AUDIO;
type Name = WithAudio | Recoded | WithoutAudio;

const CAMERAS = { ...WITH_AUDIO, ...RECODED, ...WITHOUT_AUDIO };
const NAMES = Object.keys(CAMERAS) as Name[];

interface Track {
  readonly codec_type: string;
  readonly codec_name: string;
  readonly start_time: string;
  readonly duration: string;
}

let scene: FakeCameraScene<Name>;
let faults: ReadonlyMap<Name, readonly string[]>;

beforeAll(async () => {
  const config = { buffer: { on_disk: true, on_disk_clean_older_than: '1h' } };
  const more = Object.fromEntries(NAMES.map((name) => [name, { record_audio: true }]));
  scene = await FakeCameraScene.start<Name>(CAMERAS, { config, more });
  faults = await scene.faultsOfAll(NAMES, 25);
});
afterAll(async () => {
  await scene.dispose();
});

/** Tracks of a file. Checks that FFmpeg decodes it without a complaint. */
async function tracksOf(path: string): Promise<{ readonly video: Track; readonly audio: Track | undefined }> {
  const entries = ['-show_entries', 'stream=codec_type,codec_name,start_time,duration', '-of', 'json'];
  const { stdout } = await run('ffprobe', ['-v', 'error', ...entries, path]);
  const { stderr } = await run('ffmpeg', ['-nostdin', '-v', 'error', '-i', path, '-f', 'null', '-']);
  expect(stderr).toBe('');
  const { streams } = JSON.parse(stdout) as { readonly streams: readonly Track[] };
  const video = streams.find(({ codec_type }) => codec_type === 'video');
  if (video === undefined) throw new Error(`${path} has no video`);
  return { video, audio: streams.find(({ codec_type }) => codec_type === 'audio') };
}

async function expectAudio(name: Name, codec: string | undefined): Promise<void> {
  const files = (await scene.recorded(name, 5)).slice(2, 5);
  for (const { path } of files) {
    const { video, audio } = await tracksOf(path);
    expect([name, audio?.codec_name]).toEqual([name, codec]);
    if (audio === undefined) continue;
    const lag = Number(audio.start_time) + Number(audio.duration) - Number(video.duration);
    // A file lasts 1 s. The audio of a busy machine arrives a little before or after the video.
    expect(Math.abs(Number(audio.start_time) - Number(video.start_time))).toBeLessThan(0.6);
    expect(Math.abs(lag)).toBeLessThan(0.6);
  }
}

describe('the video of a camera with audio', () => {
  it.each(NAMES)('runs and is recorded: %s', async (name) => {
    const [file] = await scene.recorded(name, 2);
    expect(file).toBeDefined();
    expect(faults.get(name)).toEqual([]);
    expect((await scene.state(name)).stats).toMatchObject({ reconnects: 0, decode_errors: 0 });
  });
});

describe('audio is recorded unchanged', () => {
  it.each(Object.keys(WITH_AUDIO) as WithAudio[])('%s', async (name) => {
    await expectAudio(name, name === 'opus' ? 'opus' : 'aac');
  });

  it('and the back channel is not set up', async () => {
    expect((await scene.counts('aac-and-back-channel')).setups).toEqual({ video: 1, audio: 1 });
    expect((await scene.counts('aac-and-back-channel')).refused).toEqual({});
  });
});

describe('audio that mp4 cannot hold', () => {
  it.each(Object.keys(RECODED) as Recoded[])('is re-encoded, or a log line names it: %s', async (name) => {
    await scene.recorded(name, 4);
    if (/Audio is not recorded|only AAC can be kept/i.test(await scene.log(name))) return;
    await expectAudio(name, 'aac');
  });
});

describe('audio that does not arrive', () => {
  it.each<[WithoutAudio, RegExp]>([
    ['setup-refused', /audio.*400|400.*audio/i],
    ['setup-404', /audio.*404|404.*audio/i],
    ['silent', /audio/i],
  ])('is explained by a log line: %s', async (name, says) => {
    await waitFor('the log line', 60_000, async () => says.test(await scene.log(name)));
    const { audio } = await tracksOf((await scene.recorded(name, 3))[2]?.path ?? '');
    expect(audio).toBeUndefined();
  });

  it('is not set up when it is a back channel', async () => {
    expect((await scene.counts('back-channel-only')).setups).toEqual({ video: 1 });
    expect((await scene.counts('back-channel-only')).refused).toEqual({});
  });
});
