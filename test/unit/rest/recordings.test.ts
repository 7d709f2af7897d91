import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fakeSegment } from '../recording/recordings-fixture.js';
import { NOW_MS, startRest, type RestFixture } from './fixture.js';

const YARD = '/api/v1/process/yard';

let rest: RestFixture;
beforeEach(async () => {
  rest = await startRest();
  await rest.post('/api/v1/process', { name: 'yard', rtsp_endpoint: 'rtsp://10.0.0.1/live' });
});
afterEach(() => rest.close());

/** Recorded for 3 s, a gap of 2 s, and recorded for 1 s. */
function record(camera = 'yard'): void {
  for (const [index, second] of [10, 11, 12, 15].entries()) {
    rest.recordings.segments.push(fakeSegment(index + 1, second * 1000, { camera }));
  }
}

describe('PATCH process', () => {
  const recordOf = () => rest.cameras.get('yard').definition.record;

  it('switches the recording of a camera on, off, and back to the configuration', async () => {
    const answer = await rest.send('PATCH', YARD, { record: true, record_audio: true });
    expect(answer.status).toBe(200);
    expect(answer.json()).toMatchObject({ name: 'yard', chrysproxy: { record: true, record_audio: true } });
    expect(recordOf()).toBe(true);
    expect((await rest.send('PATCH', YARD, { record: false })).json()).toMatchObject({
      chrysproxy: { record: false, record_audio: true },
    });
    expect(recordOf()).toBe(false);
    expect((await rest.send('PATCH', YARD, { record: null })).json()).toMatchObject({ chrysproxy: { record: null } });
    expect(recordOf()).toBeUndefined();
  });

  it.each([
    [{}, 'The body changes nothing; allowed are transport, tls_verify, max_pixels, record, '],
    [{ record: 'on' }, 'record: "on" is not allowed; allowed is true or false, or null'],
    [{ record_audio: null }, 'record_audio: null is not allowed; allowed is true or false'],
    [{ recrod: true }, 'Did you mean "record"?'],
    [{ rtsp_endpoint: 'rtsp://10.0.0.2/live' }, '"rtsp_endpoint" is not a known field'],
  ])('refuses %j', async (body, says) => {
    const answer = await rest.send('PATCH', YARD, body);
    expect(answer.status).toBe(400);
    expect((answer.json() as { message: string }).message).toContain(says);
  });

  it('of an unknown camera is 404, also when it has recordings', async () => {
    record('door');
    expect((await rest.send('PATCH', '/api/v1/process/door', { record: true })).status).toBe(404);
  });

  it('is refused for a page of another site', async () => {
    const answer = await rest.send('PATCH', YARD, { record: true }, { origin: 'https://evil.example' });
    expect(answer.status).toBe(403);
    expect(recordOf()).toBeUndefined();
  });
});

it('a camera shows how its recording is doing', async () => {
  const off = { wanted: false, state: 'off', message: '', segments: 0, bytes: 0, lost_groups: 0, last_segment: null };
  expect((await rest.get(YARD)).json()).toMatchObject({ chrysproxy: { record: null, recording: off } });
  rest.recordings.statuses.set('yard', {
    wanted: true,
    state: 'failing',
    message: 'the disk is full',
    segments: 3,
    bytes: 3000,
    lostGroups: 2,
    lastSegmentMs: NOW_MS,
  });
  const [camera] = (await rest.get('/api/v1/processlist')).json() as { chrysproxy: { recording: unknown } }[];
  expect(camera?.chrysproxy.recording).toEqual({
    wanted: true,
    state: 'failing',
    message: 'the disk is full',
    segments: 3,
    bytes: 3000,
    lost_groups: 2,
    last_segment: NOW_MS,
  });
});

describe('the segments', () => {
  it('are listed with their times, frames and keyframes', async () => {
    record();
    const answer = (await rest.get(`${YARD}/segments`)).json() as { segments: unknown[]; next: unknown };
    expect(answer.segments).toHaveLength(4);
    expect(answer.next).toBeNull();
    expect(answer.segments[0]).toEqual({
      id: 1,
      file: '10000_1000.mp4',
      start: 10_000,
      end: 11_000,
      duration_ms: 1000,
      bytes: 1000,
      frames: 25,
      first_frame_id: 25,
      last_frame_id: 49,
      keyframes: [10_000],
      codec: 'h264',
      width: 640,
      height: 480,
      audio: false,
    });
  });

  it('are listed in pages', async () => {
    record();
    const page = async (query: string) => (await rest.get(`${YARD}/segments?${query}`)).json();
    expect(await page('limit=3')).toMatchObject({ segments: [{ id: 1 }, { id: 2 }, { id: 3 }], next: 3 });
    expect(await page('limit=3&after=3')).toMatchObject({ segments: [{ id: 4 }], next: null });
    expect(await page('from=11500&to=12500')).toMatchObject({ segments: [{ id: 2 }, { id: 3 }], next: null });
  });

  it.each([
    ['from=now', 'from: "now" is not allowed; allowed is one whole number from 0'],
    ['from=2000&to=1000', 'from (2000) is later than to (1000): exchange them.'],
    ['limit=1001', 'limit: "1001" is not allowed; allowed is one whole number from 1 to 1000'],
    ['after=-1', 'after: "-1"'],
  ])('refuse ?%s', async (query, says) => {
    const answer = await rest.get(`${YARD}/segments?${query}`);
    expect(answer.status).toBe(400);
    expect((answer.json() as { message: string }).message).toContain(says);
  });

  it('of a camera that was removed are still there', async () => {
    record();
    await rest.send('DELETE', YARD);
    expect((await rest.get(YARD)).status).toBe(404);
    expect((await rest.get(`${YARD}/segments`)).json()).toMatchObject({ segments: [{}, {}, {}, {}] });
    expect((await rest.get('/api/v1/process/nobody/segments')).status).toBe(404);
    expect((await rest.get('/api/v1/process/..%2fx/segments')).status).toBe(400);
  });
});

describe('the file of a segment', () => {
  const CONTENT = Buffer.from(Array.from({ length: 1000 }, (_, index) => index % 251));
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'chrysproxy-segments-'));
    rest.recordings.folder = folder;
    record();
    writeFileSync(join(folder, '10000_1000.mp4'), CONTENT);
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  const get = (id: string, headers: Record<string, string> = {}, method = 'GET') =>
    rest.send(method, `${YARD}/segments/${id}`, undefined, headers);

  it('is an mp4 with the name of its camera', async () => {
    const answer = await get('1');
    expect(answer.status).toBe(200);
    expect(answer.bytes).toEqual(CONTENT);
    expect(answer.headers).toMatchObject({
      'content-type': 'video/mp4',
      'content-length': '1000',
      'accept-ranges': 'bytes',
      'content-disposition': 'inline; filename="yard_10000_1000.mp4"',
      'cache-control': 'no-store',
    });
  });

  it.each([
    ['bytes=0-99', 0, 100],
    ['bytes=990-', 990, 1000],
    ['bytes=-10', 990, 1000],
    ['bytes=500-5000', 500, 1000],
  ])('is answered in part for %s', async (range, from, to) => {
    const answer = await get('1', { range });
    expect(answer.status).toBe(206);
    expect(answer.headers['content-range']).toBe(`bytes ${from}-${to - 1}/1000`);
    expect(answer.headers['content-length']).toBe(String(to - from));
    expect(answer.bytes).toEqual(CONTENT.subarray(from, to));
  });

  it.each([['bytes=0-1,5-6'], ['frames=1-2'], ['bytes=x']])('is answered as a whole for %s', async (range) => {
    const answer = await get('1', { range });
    expect(answer.status).toBe(200);
    expect(answer.bytes).toEqual(CONTENT);
  });

  it('is answered as a whole for If-Range, since answers have no validator', async () => {
    expect((await get('1', { range: 'bytes=0-9', 'if-range': '"x"' })).status).toBe(200);
  });

  it('answers 416 for a range behind its end', async () => {
    const answer = await get('1', { range: 'bytes=1000-' });
    expect(answer.status).toBe(416);
    expect(answer.headers['content-range']).toBe('bytes */1000');
    expect(answer.json()).toMatchObject({ code: 416, message: expect.stringContaining('which has 1000 bytes') });
  });

  it('answers HEAD without the file', async () => {
    const answer = await get('1', {}, 'HEAD');
    expect(answer.status).toBe(200);
    expect(answer.headers['content-length']).toBe('1000');
    expect(answer.bytes).toHaveLength(0);
  });

  it('can be empty', async () => {
    writeFileSync(join(folder, '10000_1000.mp4'), '');
    const answer = await get('1');
    expect(answer.status).toBe(200);
    expect(answer.bytes).toHaveLength(0);
  });

  it('that is gone from the disk is 404, and the message says what to do', async () => {
    const answer = await get('2');
    expect(answer.status).toBe(404);
    expect(answer.text).toContain('chrysproxy recordings check');
    expect(answer.headers['content-type']).toContain('json');
  });

  it('is not sent when it is a symbolic link, a folder, or a pipe', async () => {
    symlinkSync('10000_1000.mp4', join(folder, '11000_1000.mp4'));
    mkdirSync(join(folder, '12000_1000.mp4'));
    execFileSync('mkfifo', [join(folder, '15000_1000.mp4')]);
    for (const id of ['2', '3', '4']) {
      const answer = await get(id);
      expect(answer.status).toBe(404);
      expect(answer.text).toContain('is not a regular file');
    }
  });

  it.each([
    ['99', 404, 'has no segment 99'],
    ['x', 400, 'id: \\"x\\" is not allowed'],
    ['1.5', 400, 'allowed is a number'],
    ['..%2f1', 400, 'allowed is a number'],
  ])('%s is answered with %i', async (id, status, says) => {
    const answer = await get(id);
    expect(answer.status).toBe(status);
    expect(answer.text).toContain(says);
  });

  it('can be read only under its own camera', async () => {
    await rest.post('/api/v1/process', { name: 'door', rtsp_endpoint: 'rtsp://10.0.0.1/live' });
    expect((await rest.get('/api/v1/process/door/segments/1')).status).toBe(404);
  });
});

describe('the timeline', () => {
  it('shows spans, gaps, and what memory holds', async () => {
    record();
    expect((await rest.get(`${YARD}/timeline`)).json()).toEqual({
      spans: [
        { from: 10_000, to: 13_000 },
        { from: 15_000, to: 16_000 },
      ],
      gaps: [{ from: 13_000, to: 15_000 }],
      memory: null,
      segments: 4,
      bytes: 4000,
      frames: 100,
    });
  });

  it('is limited to the requested range', async () => {
    record();
    expect((await rest.get(`${YARD}/timeline?from=11500&to=15500`)).json()).toMatchObject({
      spans: [
        { from: 11_500, to: 13_000 },
        { from: 15_000, to: 15_500 },
      ],
      gaps: [{ from: 13_000, to: 15_000 }],
    });
  });

  it('is empty when nothing is recorded', async () => {
    const empty = { spans: [], gaps: [], memory: null, segments: 0, bytes: 0, frames: 0 };
    expect((await rest.get(`${YARD}/timeline`)).json()).toEqual(empty);
  });
});

describe('all recordings', () => {
  it('are added up, also of cameras that were removed', async () => {
    record();
    record('door');
    await rest.send('DELETE', YARD);
    const each = { segments: 4, bytes: 4000, from: 10_000, to: 16_000 };
    expect((await rest.get('/api/v1/recordings')).json()).toEqual({
      cameras: [
        { camera: 'door', ...each },
        { camera: 'yard', ...each },
      ],
      ...each,
      segments: 8,
      bytes: 8000,
    });
  });

  it('are empty at first', async () => {
    const none = { cameras: [], segments: 0, bytes: 0, from: null, to: null };
    expect((await rest.get('/api/v1/recordings')).json()).toEqual(none);
  });

  it('are compared with the disk', async () => {
    rest.recordings.report = { good: 4, added: 1, missing: 2, removed: 3, foreign: ['yard/x.txt'], foreignCount: 1 };
    expect((await rest.post('/api/v1/recordings/check', undefined)).json()).toEqual({
      good: 4,
      added: 1,
      missing: 2,
      removed: 3,
      foreign: ['yard/x.txt'],
      foreign_count: 1,
    });
  });
});

describe('clips', () => {
  const CLIPS = `${YARD}/clips`;
  beforeEach(() => {
    record();
  });

  it('are kept, listed, and removed', async () => {
    const made = await rest.post(CLIPS, { name: 'parcel, 2nd try', from: 10_500, to: 12_500 });
    expect(made.status).toBe(201);
    const clip = { id: 1, name: 'parcel, 2nd try', from: 10_500, to: 12_500, created: NOW_MS };
    expect(made.json()).toEqual({ ...clip, bytes: 3000, complete: true });
    expect((await rest.get(CLIPS)).json()).toEqual([made.json()]);
    expect((await rest.get(`${CLIPS}/1`)).json()).toEqual(made.json());
    expect((await rest.send('DELETE', `${CLIPS}/1`)).status).toBe(200);
    expect((await rest.get(CLIPS)).json()).toEqual([]);
    for (const method of ['GET', 'DELETE']) {
      const answer = await rest.send(method, `${CLIPS}/1`);
      expect(answer.status).toBe(404);
      expect(answer.text).toContain('has no clip 1');
    }
  });

  it.each([
    [9500, 12_500],
    [12_500, 15_500],
    [15_500, 17_000],
  ])('from %i to %i are not complete', async (from, to) => {
    expect((await rest.post(CLIPS, { name: 'a', from, to })).json()).toMatchObject({ complete: false });
  });

  it('are refused where nothing is recorded, and the message names the nearest span', async () => {
    const answer = await rest.post(CLIPS, { name: 'a', from: 20_000, to: 30_000 });
    expect(answer.status).toBe(404);
    expect((answer.json() as { message: string }).message).toBe(
      'Nothing of camera "yard" is recorded between 20000 (1970-01-01T00:00:20.000Z) and 30000 ' +
        '(1970-01-01T00:00:30.000Z): the nearest span begins at 15000 (1970-01-01T00:00:15.000Z) and ends at ' +
        '16000 (1970-01-01T00:00:16.000Z).',
    );
  });

  it('of a camera without recordings are refused, and the message says how to start recording', async () => {
    rest.recordings.segments.length = 0;
    const answer = await rest.post(CLIPS, { name: 'a', from: 1000, to: 2000 });
    expect(answer.status).toBe(404);
    expect(answer.text).toContain('it has no recording');
  });

  it('have unique names', async () => {
    await rest.post(CLIPS, { name: 'a', from: 10_000, to: 11_000 });
    expect((await rest.post(CLIPS, { name: 'a', from: 10_000, to: 11_000 })).status).toBe(409);
  });

  it.each([
    [{ name: 'a', from: 10_000 }, 'to is missing'],
    [{ from: 10_000, to: 11_000 }, 'name is missing'],
    [{ name: '', from: 10_000, to: 11_000 }, 'name: "" is not allowed; allowed is 1 to 128 characters'],
    [{ name: ' a', from: 10_000, to: 11_000 }, 'no blanks at its ends'],
    [{ name: 'a\nb', from: 10_000, to: 11_000 }, 'no control characters'],
    [{ name: 'x'.repeat(129), from: 10_000, to: 11_000 }, '128 characters'],
    [{ name: 'a', from: '10000', to: 11_000 }, 'from: "10000" is not allowed; allowed is a whole number'],
    [{ name: 'a', from: 11_000, to: 10_000 }, 'from (11000) must be earlier than to (10000)'],
    [{ name: 'a', from: 10_000, to: 90_000_000 }, 'more than 24 hours apart'],
  ])('refuse %j', async (body, says) => {
    const answer = await rest.post(CLIPS, body);
    expect(answer.status).toBe(400);
    expect((answer.json() as { message: string }).message).toContain(says);
    expect(rest.clips.all).toEqual([]);
  });

  it('of a camera that was removed can still be listed and removed', async () => {
    await rest.post(CLIPS, { name: 'a', from: 10_000, to: 11_000 });
    await rest.send('DELETE', YARD);
    rest.recordings.segments.length = 0;
    expect((await rest.get(CLIPS)).json()).toMatchObject([{ name: 'a', bytes: 0, complete: false }]);
    expect((await rest.send('DELETE', `${CLIPS}/1`)).status).toBe(200);
    expect((await rest.get(CLIPS)).status).toBe(404);
  });
});
