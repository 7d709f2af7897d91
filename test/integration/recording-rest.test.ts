/** Recording over REST and the command line, with real cameras and a real disk. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readBarcode } from '../support/barcode.js';
import { runCli } from '../support/cli.js';
import { convertToBgr, decodeBgr } from '../support/ffmpeg.js';
import { listed } from '../support/history.js';
import { FarmScene } from '../support/scene.js';
import { waitFor } from '../support/wait.js';

const run = promisify(execFile);
const YARD = '/api/v1/process/yard';
const WIDTH = 640;
const HEIGHT = 480;
const FPS = 25;
const GOP_MS = 2000;
/** Number of pictures of the farm's clip, which is repeated. */
const CLIP_FRAMES = 300;
const BOUND_MS = 60_000;

interface Segment {
  readonly id: number;
  readonly file: string;
  readonly start: number;
  readonly end: number;
  readonly duration_ms: number;
  readonly bytes: number;
  readonly frames: number;
  readonly first_frame_id: number;
  readonly last_frame_id: number;
  readonly keyframes: readonly number[];
}

interface Timeline {
  readonly spans: readonly { readonly from: number; readonly to: number }[];
  readonly gaps: readonly unknown[];
  readonly memory: { readonly from: number; readonly to: number } | null;
  readonly segments: number;
  readonly frames: number;
}

interface Download {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
}

describe('recording', () => {
  let scene: FarmScene;

  beforeAll(async () => {
    scene = await FarmScene.start(
      { yard: 'h264-640x480-25-g50' },
      { config: { buffer: { in_memory: 100, on_disk_clean_older_than: '1h' } } },
    );
  });

  afterAll(async () => {
    await scene.dispose();
  });

  const ask = async <T>(path: string): Promise<T> => {
    const answer = await scene.proxy.rest('GET', path);
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.text}`);
    return JSON.parse(answer.text) as T;
  };

  const segments = async (query = ''): Promise<readonly Segment[]> =>
    (await ask<{ segments: Segment[] }>(`${YARD}/segments${query}`)).segments;

  const timeline = (query = ''): Promise<Timeline> => ask(`${YARD}/timeline${query}`);

  async function download(path: string, headers: Record<string, string> = {}): Promise<Download> {
    const response = await fetch(`${scene.proxy.restUrl}${path}`, { headers, signal: AbortSignal.timeout(BOUND_MS) });
    return {
      status: response.status,
      headers: response.headers,
      bytes: Buffer.from(await response.arrayBuffer()),
    };
  }

  const pathOf = ({ file }: Segment): string => join(scene.proxy.dataDir, 'archive/yard', file);

  /** Writes the content to a file, for programs that need one. */
  function saved(content: Buffer): string {
    const path = join(scene.proxy.folder, 'saved.mp4');
    writeFileSync(path, content);
    return path;
  }

  /** Length in seconds and number of frames, according to ffprobe, which must print no warning. */
  async function probed(path: string): Promise<{ seconds: number; frames: number }> {
    const entries = 'stream=nb_read_frames,duration';
    const args = ['-v', 'warning', '-count_frames', '-select_streams', 'v', '-show_entries', entries, '-of', 'json'];
    const { stdout, stderr } = await run('ffprobe', [...args, path]);
    expect(stderr).toBe('');
    const [stream] = (JSON.parse(stdout) as { streams: { duration: string; nb_read_frames: string }[] }).streams;
    return { seconds: Number(stream!.duration), frames: Number(stream!.nb_read_frames) };
  }

  /** The numbers that the pictures of a file show. */
  async function numbersIn(path: string): Promise<(number | 'torn')[]> {
    const pictures = await decodeBgr(path, WIDTH, HEIGHT, CLIP_FRAMES);
    return pictures.map((picture) => readBarcode(picture, WIDTH, HEIGHT));
  }

  interface Shown {
    readonly number: number;
    readonly atMs: number;
    readonly frameId: number;
  }

  async function snapshotAt(ms: number): Promise<Shown> {
    const { status, headers, bytes } = await download(`${YARD}/snapshot.jpg?at=${ms}&quality=95`);
    expect(status).toBe(200);
    const number = readBarcode(await convertToBgr(bytes, 'jpeg', WIDTH, HEIGHT), WIDTH, HEIGHT);
    return {
      number: Number(number),
      atMs: Number(headers.get('x-timestamp')),
      frameId: Number(headers.get('x-frame-id')),
    };
  }

  it('begins with PATCH, while the camera stays connected', async () => {
    const before = await scene.proxy.camera('yard');
    expect(before.chrysproxy.recording).toMatchObject({ wanted: false, state: 'off' });
    const answer = await scene.proxy.rest('PATCH', YARD, { record: true });
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toMatchObject({ chrysproxy: { record: true, recording: { wanted: true } } });
    await waitFor('four segments', BOUND_MS, async () => (await segments()).length >= 4);
    const after = await scene.proxy.camera('yard');
    expect(after.chrysproxy.recording).toMatchObject({ wanted: true, state: 'recording', message: '', lost_groups: 0 });
    expect(after.state['StartedAt']).toBe(before.state['StartedAt']);
  });

  it('lists segments one after the other, each with its file', async () => {
    const list = await segments();
    for (const [index, segment] of list.entries()) {
      expect(segment).toMatchObject({ file: `${segment.start}_${segment.duration_ms}.mp4`, frames: 50 });
      expect(segment.keyframes).toEqual([segment.start]);
      expect(segment.last_frame_id - segment.first_frame_id + 1).toBe(50);
      expect(statSync(pathOf(segment)).size).toBe(segment.bytes);
      const before = list[index - 1];
      if (before !== undefined) expect(segment.first_frame_id).toBe(before.last_frame_id + 1);
    }
    expect(await segments('?limit=1')).toEqual([list[0]]);
    expect((await segments(`?from=${list[1]!.start}&to=${list[2]!.start}`)).map(({ id }) => id)).toEqual(
      expect.arrayContaining([list[1]!.id, list[2]!.id]),
    );
  });

  it('serves the file of a segment, which players accept, as a whole and in part', async () => {
    const [segment] = await segments();
    const { status, headers, bytes } = await download(`${YARD}/segments/${segment!.id}`);
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('video/mp4');
    expect(bytes).toEqual(readFileSync(pathOf(segment!)));
    const found = await probed(saved(bytes));
    expect(found.frames).toBe(50);
    expect(Math.abs(found.seconds * 1000 - GOP_MS)).toBeLessThan(1000 / FPS);
    const part = await download(`${YARD}/segments/${segment!.id}`, { range: 'bytes=100-199' });
    expect(part.status).toBe(206);
    expect(part.bytes).toEqual(bytes.subarray(100, 200));
  });

  it('has a timeline without gaps, which also shows the range in memory', async () => {
    const { spans, gaps, memory, segments: count, frames } = await timeline();
    const list = await segments();
    expect(spans).toHaveLength(1);
    expect(gaps).toEqual([]);
    expect(count).toBeGreaterThanOrEqual(4);
    expect(frames).toBe(count * 50);
    expect(Math.abs(spans[0]!.from - list[0]!.start)).toBeLessThanOrEqual(1);
    expect(memory!.to).toBeGreaterThan(spans[0]!.from);
    const { spans: inside } = await timeline(`?from=${list[0]!.start + 500}&to=${list[1]!.start + 500}`);
    expect(inside).toEqual([{ from: list[0]!.start + 500, to: list[1]!.start + 500 }]);
  });

  it('serves the picture of an earlier moment, with its frame id and time', async () => {
    const [, segment] = await segments();
    const first = await snapshotAt(segment!.start);
    expect(first).toMatchObject({ atMs: segment!.start, frameId: segment!.first_frame_id });
    const moment = segment!.start + 1000;
    const later = await snapshotAt(moment);
    const distances = (await listed(scene.proxy, 'yard', '?limit=10000')).map((one) =>
      Math.abs(one.timestamp - moment),
    );
    expect(Math.abs(later.atMs - moment)).toBe(Math.min(...distances));
    expect((later.number - first.number + CLIP_FRAMES) % CLIP_FRAMES).toBe(later.frameId - first.frameId);
    const keyframe = await download(`${YARD}/snapshot.jpg?at=${segment!.start + 500}&keyframe=true&width=320`);
    expect(keyframe.headers.get('x-frame-id')).toBe(String(segment!.first_frame_id));
  });

  it('makes one mp4 of several segments, which begins exactly at the requested time', async () => {
    const [, segment] = await segments();
    const first = await snapshotAt(segment!.start + 700);
    const last = await snapshotAt(first.atMs + 3000);
    const query = `from=${first.atMs}&to=${last.atMs}&download=part.mp4`;
    const { status, headers, bytes } = await download(`${YARD}/clip.mp4?${query}`);
    expect(status).toBe(200);
    expect(headers.get('content-disposition')).toBe('attachment; filename="part.mp4"');
    const path = saved(bytes);
    const count = last.frameId - first.frameId + 1;
    const expected = Array.from({ length: count }, (_, index) => (first.number + index) % CLIP_FRAMES);
    expect(await numbersIn(path)).toEqual(expected);
    expect(Math.abs((await probed(path)).seconds - count / FPS)).toBeLessThan(0.1);
  });

  it('makes one mp4 from segments on disk and packets in memory', async () => {
    const list = await segments();
    const first = await snapshotAt(list.at(-1)!.start + 200);
    const { memory } = await waitFor('four more seconds in memory', BOUND_MS, async () => {
      const now = await timeline();
      return now.memory !== null && now.memory.to > first.atMs + 4000 && now;
    });
    const { bytes } = await download(`${YARD}/clip.mp4?from=${first.atMs}&to=${memory!.to}`);
    const numbers = await numbersIn(saved(bytes));
    expect(numbers.length).toBeGreaterThan(3 * FPS);
    expect(numbers).toEqual(numbers.map((_, index) => (first.number + index) % CLIP_FRAMES));
  });

  it('names the nearest recorded range when the requested range is empty', async () => {
    const answer = await scene.proxy.rest('GET', `${YARD}/clip.mp4?from=1000&to=2000`);
    expect(answer.status).toBe(404);
    const [first] = await segments();
    expect(answer.text).toContain(`begins at ${first!.start}`);
    expect((await scene.proxy.rest('GET', `${YARD}/snapshot.jpg?at=1000`)).status).toBe(404);
  });

  it('exports with the command line, which replaces no file', async () => {
    const [segment] = await segments();
    const file = join(scene.proxy.folder, 'exported.mp4');
    const range = ['--from', String(segment!.start), '--to', String(segment!.start + 3000)];
    const first = await runCli(scene.proxy, ['export', 'yard', file, ...range]);
    expect(first).toMatchObject({ exitCode: 0, stdout: expect.stringContaining(file) });
    expect(first.stderr).toMatch(/^yard: 3 s of video, about [\d.]+ [kM]B\n$/);
    expect((await probed(file)).frames).toBeGreaterThanOrEqual(3 * FPS);
    expect(await runCli(scene.proxy, ['export', 'yard', file, ...range])).toMatchObject({ exitCode: 5 });
    expect(await runCli(scene.proxy, ['export', 'yard', file, ...range, '--force'])).toMatchObject({ exitCode: 0 });
    expect(readdirSync(scene.proxy.folder).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  it('keeps clips under a name', async () => {
    const [, segment] = await segments();
    const body = { name: 'a parcel', from: segment!.start + 100, to: segment!.end + 500 };
    const made = await scene.proxy.rest('POST', `${YARD}/clips`, body);
    expect(made.status).toBe(201);
    const clip = JSON.parse(made.text) as { id: number; complete: boolean };
    expect(clip).toMatchObject({ name: 'a parcel', complete: true });
    expect((await scene.proxy.rest('POST', `${YARD}/clips`, body)).status).toBe(409);
    const { bytes } = await download(`${YARD}/clips/${clip.id}/clip.mp4`);
    expect((await probed(saved(bytes))).seconds).toBeGreaterThan(2);
    const { stdout } = await runCli(scene.proxy, ['clip', 'list', 'yard']);
    expect(stdout).toContain('a parcel');
    expect(await runCli(scene.proxy, ['clip', 'remove', 'yard', 'a parcel'])).toMatchObject({ exitCode: 0 });
    expect(await ask(`${YARD}/clips`)).toEqual([]);
  });

  it('finds missing files and files that do not belong to the proxy', async () => {
    const [first] = await segments();
    const foreign = join(scene.proxy.dataDir, 'archive/yard/notes.txt');
    writeFileSync(foreign, 'mine');
    rmSync(pathOf(first!));
    const gone = await scene.proxy.rest('GET', `${YARD}/segments/${first!.id}`);
    expect(gone).toMatchObject({ status: 404, text: expect.stringContaining('recordings check') });
    const { exitCode, stdout } = await runCli(scene.proxy, ['recordings', 'check', '--json']);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ missing: 1, foreign: ['yard/notes.txt'], foreign_count: 1 });
    expect(existsSync(foreign)).toBe(true);
    expect((await segments())[0]!.id).not.toBe(first!.id);
  });

  it('has a gap in the timeline where it was switched off', async () => {
    await scene.proxy.rest('PATCH', YARD, { record: false });
    await waitFor('recording to stop', BOUND_MS, async () => {
      const { recording } = (await scene.proxy.camera('yard')).chrysproxy;
      return recording.state === 'off';
    });
    const { memory } = await timeline();
    await waitFor(
      'two more groups in memory',
      BOUND_MS,
      async () => (await timeline()).memory!.to > memory!.to + 2 * GOP_MS,
    );
    await scene.proxy.rest('PATCH', YARD, { record: true });
    // Segments of the time before can still be written now, so these do not count.
    const areNew = ({ start }: Segment): boolean => start > memory!.to;
    await waitFor('new segments', BOUND_MS, async () => (await segments()).filter(areNew).length >= 2);
    const { spans, gaps } = await timeline();
    expect(spans).toHaveLength(2);
    expect(gaps).toEqual([{ from: spans[0]!.to, to: spans[1]!.from }]);
  });

  it('is in the summary, and remains when its camera is removed', async () => {
    const list = await segments();
    await scene.proxy.removeCamera('yard');
    expect((await scene.proxy.rest('GET', YARD)).status).toBe(404);
    expect((await segments()).length).toBeGreaterThanOrEqual(list.length);
    expect((await snapshotAt(list[0]!.start)).frameId).toBe(list[0]!.first_frame_id);
    const { bytes } = await download(`${YARD}/clip.mp4?from=${list[0]!.start}&to=${list[0]!.end}`);
    expect((await probed(saved(bytes))).frames).toBeGreaterThanOrEqual(list[0]!.frames);
    expect((await scene.proxy.rest('PATCH', YARD, { record: true })).status).toBe(404);
    const { cameras } = await ask<{ cameras: { camera: string; segments: number }[] }>('/api/v1/recordings');
    expect(cameras).toMatchObject([{ camera: 'yard', segments: (await segments()).length }]);
    expect((await runCli(scene.proxy, ['recordings', 'list'])).stdout).toMatch(/^CAMERA .*\nyard /);
  });
});

it('a clip keeps its segments when retention deletes the segments around it', async () => {
  const buffer = { on_disk: true, on_disk_clean_older_than: '6s', on_disk_schedule: '@every 1s' };
  const scene = await FarmScene.start({ yard: 'h264-640x480-25-g50' }, { config: { buffer } });
  const { proxy } = scene;
  try {
    const starts = async (): Promise<readonly number[]> => {
      const { text } = await proxy.rest('GET', `${YARD}/segments`);
      return (JSON.parse(text) as { segments: Segment[] }).segments.map(({ start }) => start);
    };
    const first = await waitFor('a segment', BOUND_MS, async () => (await starts())[0]);
    const clip = { name: 'keep', from: first, to: first + 1 };
    expect((await proxy.rest('POST', `${YARD}/clips`, clip)).status).toBe(201);
    const next = await waitFor('the next segment', BOUND_MS, async () => (await starts())[1]);
    await waitFor('the next segment to be deleted', BOUND_MS, async () => !(await starts()).includes(next));
    expect(await starts()).toContain(first);
    expect((await proxy.rest('DELETE', `${YARD}/clips/1`)).status).toBe(200);
    await waitFor('the first segment to be deleted', BOUND_MS, async () => !(await starts()).includes(first));
  } finally {
    await scene.dispose();
  }
});
