import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { waitFor } from '../../support/wait.js';
import { runCli, type CliOptions, type CliResult } from './fixture.js';
import { fakeSegment } from '../recording/recordings-fixture.js';
import { NOW_MS, startRest, type RestFixture } from '../rest/fixture.js';

const BOUND_MS = 15_000;
/** Start of the first segment. */
const START_MS = NOW_MS - 60_000;

let rest: RestFixture;
let folder: string;
beforeEach(async () => {
  rest = await startRest();
  folder = mkdtempSync(join(tmpdir(), 'chrysproxy-export-'));
  await rest.post('/api/v1/process', { name: 'yard', rtsp_endpoint: 'rtsp://10.0.0.1/live' });
});
afterEach(async () => {
  await rest.close();
  rmSync(folder, { recursive: true });
});

const chrysproxy = (args: readonly string[], options: CliOptions = {}): Promise<CliResult> =>
  runCli(rest.port, args, options);

/** Adds ten segments of one second. */
function record(): void {
  for (let index = 0; index < 10; index += 1) {
    rest.recordings.segments.push(fakeSegment(index + 1, START_MS + index * 1000));
  }
}

describe('camera record', () => {
  it.each([
    ['on', true, 'Camera "yard" is recorded.\n'],
    ['off', false, 'Camera "yard" is not recorded.\n'],
    ['default', undefined, 'Camera "yard" is not recorded, as configured.\n'],
  ])('%s is sent to the proxy', async (state, record, expected) => {
    const status = { ...rest.recordings.status('yard'), wanted: record === true };
    rest.recordings.statuses.set('yard', status);
    expect(await chrysproxy(['camera', 'record', 'yard', state])).toEqual({ exitCode: 0, out: expected, err: '' });
    expect(rest.cameras.get('yard').definition.record).toBe(record);
  });

  it('leaves the recording of audio unchanged, or switches it', async () => {
    const recordsAudio = () => rest.cameras.get('yard').definition.recordAudio;
    await chrysproxy(['camera', 'record', 'yard', 'on', '--audio']);
    expect(recordsAudio()).toBe(true);
    await chrysproxy(['camera', 'record', 'yard', 'on']);
    expect(recordsAudio()).toBe(true);
    const { out } = await chrysproxy(['camera', 'record', 'yard', 'on', '--no-audio', '--json']);
    expect(JSON.parse(out)).toMatchObject({ name: 'yard', chrysproxy: { record: true, record_audio: false } });
  });

  it('ends with 2 for another state, and with 4 for an unknown camera', async () => {
    expect(await chrysproxy(['camera', 'record', 'yard', 'maybe'])).toMatchObject({
      exitCode: 2,
      err: expect.stringContaining('on, off, default'),
    });
    expect(await chrysproxy(['camera', 'record', 'door', 'on'])).toMatchObject({ exitCode: 4 });
  });

  it('can be switched when a camera is added', async () => {
    await chrysproxy(['camera', 'add', 'door', 'rtsp://10.0.0.1/live', '--record', '--record-audio']);
    await chrysproxy(['camera', 'add', 'gate', 'rtsp://10.0.0.1/live', '--no-record']);
    expect(rest.cameras.get('door').definition).toMatchObject({ record: true, recordAudio: true });
    expect(rest.cameras.get('gate').definition).toMatchObject({ record: false, recordAudio: false });
    expect(rest.cameras.get('yard').definition.record).toBeUndefined();
  });

  it('is printed by camera show', async () => {
    expect((await chrysproxy(['camera', 'show', 'yard'])).out).toContain('Recording:          off\n');
    rest.recordings.statuses.set('yard', {
      wanted: true,
      state: 'failing',
      message: 'The disk is full.',
      segments: 12,
      bytes: 3_400_000,
      lostGroups: 2,
      lastSegmentMs: NOW_MS,
    });
    const { out } = await chrysproxy(['camera', 'show', 'yard']);
    expect(out).toContain(
      'Recording:          failing, 12 segments, 3.4 MB, the newest from 2026-01-02T03:04:05.000Z, 2 GOPs lost\n' +
        'Recording message:  The disk is full.\n',
    );
  });
});

describe('recordings list', () => {
  it('prints a line for each camera', async () => {
    record();
    expect((await chrysproxy(['recordings', 'list'])).out).toBe(
      'CAMERA  SEGMENTS  SIZE     FROM                      TO\n' +
        'yard    10        10.0 kB  2026-01-02T03:03:05.000Z  2026-01-02T03:03:15.000Z\n',
    );
    const { out } = await chrysproxy(['recordings', 'list', '--json']);
    expect(JSON.parse(out)).toEqual((await rest.get('/api/v1/recordings')).json());
  });

  it('prints how to start recording when nothing is recorded', async () => {
    expect((await chrysproxy(['recordings', 'list'])).out).toContain('node bin/chrysproxy.js camera record NAME on');
    expect((await chrysproxy(['recordings', 'list', 'yard'])).out).toContain(
      'There are no segments of "yard" in this range',
    );
  });

  it('prints a line for each segment of a camera, in a range by the clock of the proxy', async () => {
    record();
    const { out } = await chrysproxy(['recordings', 'list', 'yard', '--from', '-59s', '--to', '-58s']);
    expect(out.split('\n')).toEqual([
      'START                     LENGTH  SIZE    FRAMES  CODEC  PICTURE  FILE',
      `2026-01-02T03:03:06.000Z  1 s     1.0 kB  25      h264   640x480  ${START_MS + 1000}_1000.mp4`,
      `2026-01-02T03:03:07.000Z  1 s     1.0 kB  25      h264   640x480  ${START_MS + 2000}_1000.mp4`,
      '',
    ]);
    const all = await chrysproxy(['recordings', 'list', 'yard', '--json']);
    expect(JSON.parse(all.out)).toHaveLength(10);
  });

  it('requests page after page', async () => {
    for (let index = 0; index < 10_001; index += 1) rest.recordings.segments.push(fakeSegment(index + 1, index * 1000));
    const { out } = await chrysproxy(['recordings', 'list', 'yard', '--json']);
    expect(JSON.parse(out)).toHaveLength(10_001);
  });

  it.each([
    [['--from', '-1m'], '--from and --to need the name of a camera'],
    [['yard', '--from', '-1m', '--to', '-2m'], 'swap them'],
    [['yard', '--from', 'yesterday'], 'It must be "now"'],
  ])('ends with 2 for %j', async (args, expected) => {
    const result = await chrysproxy(['recordings', 'list', ...args]);
    expect(result).toMatchObject({ exitCode: 2, out: '', err: expect.stringContaining(expected) });
  });
});

describe('recordings check', () => {
  it('prints what was found', async () => {
    rest.recordings.report = { good: 9, added: 1, missing: 2, removed: 3, foreign: ['yard/a\n.txt'], foreignCount: 7 };
    expect((await chrysproxy(['recordings', 'check'])).out).toBe(
      '9 segments are correct.\n' +
        '1 segments were missing in the index and are added.\n' +
        '2 segments had no file and are removed from the index.\n' +
        '3 files of an interrupted recording are deleted.\n' +
        '7 other files are kept:\n' +
        '  yard/a?.txt\n' +
        '  and 6 more\n',
    );
    expect(JSON.parse((await chrysproxy(['recordings', 'check', '--json'])).out)).toMatchObject({ foreign_count: 7 });
  });
});

describe('clip', () => {
  const RANGE = ['--from', '-59s', '--to', '-55s'];
  beforeEach(record);

  it('is added, listed and removed', async () => {
    expect(await chrysproxy(['clip', 'add', 'yard', 'a parcel', ...RANGE])).toEqual({
      exitCode: 0,
      out: 'Clip "a parcel" of "yard" is kept, 5.0 kB.\n',
      err: '',
    });
    expect(rest.clips.all).toMatchObject([{ name: 'a parcel', fromMs: NOW_MS - 59_000, toMs: NOW_MS - 55_000 }]);
    expect((await chrysproxy(['clip', 'list', 'yard'])).out).toBe(
      'ID  FROM                      TO                        SIZE    COMPLETE  NAME\n' +
        '1   2026-01-02T03:03:06.000Z  2026-01-02T03:03:10.000Z  5.0 kB  yes       a parcel\n',
    );
    expect(JSON.parse((await chrysproxy(['clip', 'list', 'yard', '--json'])).out)).toMatchObject([{ id: 1 }]);
    expect((await chrysproxy(['clip', 'remove', 'yard', 'a parcel'])).out).toBe(
      'Clip "a parcel" of "yard" is removed.\n',
    );
    expect((await chrysproxy(['clip', 'list', 'yard'])).out).toContain('There is no clip of "yard" yet');
  });

  it('can be removed by its id', async () => {
    await chrysproxy(['clip', 'add', 'yard', 'a', ...RANGE]);
    expect(await chrysproxy(['clip', 'remove', 'yard', '1'])).toMatchObject({ exitCode: 0 });
    expect(await chrysproxy(['clip', 'remove', 'yard', '1'])).toMatchObject({
      exitCode: 4,
      err: expect.stringContaining('has no clip "1"'),
    });
  });

  it('has a note when parts of the range are not recorded', async () => {
    const { out } = await chrysproxy(['clip', 'add', 'yard', 'a', '--from', '-59s', '--to', 'now']);
    expect(out).toContain('Not all of it is recorded');
  });

  it('ends with 5 for an existing name, and with 4 where nothing is recorded', async () => {
    await chrysproxy(['clip', 'add', 'yard', 'a', ...RANGE]);
    expect(await chrysproxy(['clip', 'add', 'yard', 'a', ...RANGE])).toMatchObject({ exitCode: 5 });
    const nothing = await chrysproxy(['clip', 'add', 'yard', 'b', '--from', '-9s', '--to', '-5s']);
    expect(nothing).toMatchObject({ exitCode: 4, err: expect.stringContaining('the nearest span begins') });
  });
});

describe('export', () => {
  const RANGE = ['--from', '-59s', '--to', '-55s'];
  let file: string;
  beforeEach(() => {
    record();
    file = join(folder, 'yard.mp4');
  });

  const exported = (more: readonly string[] = [], options: CliOptions = {}): Promise<CliResult> =>
    chrysproxy(['export', 'yard', file, ...RANGE, ...more], options);

  it('prints the expected size, and writes the file', async () => {
    rest.history.answers = [Buffer.from('first '), Buffer.from('second')];
    expect(await exported()).toEqual({
      exitCode: 0,
      out: `${file}: 0.0 kB of "yard"\n`,
      err: 'yard: 4 s of video, about 5.0 kB\n',
    });
    expect(readFileSync(file, 'utf8')).toBe('first second');
    expect(readdirSync(folder)).toEqual(['yard.mp4']);
    expect(rest.history.opened[0]?.query).toMatchObject({ fromUs: (NOW_MS - 59_000) * 1000 });
  });

  it('prints what was saved with --json', async () => {
    rest.history.answers = [Buffer.from('mp4')];
    expect(JSON.parse((await exported(['--json'])).out)).toEqual({
      camera: 'yard',
      file,
      from: NOW_MS - 59_000,
      to: NOW_MS - 55_000,
      bytes: 3,
    });
  });

  it('shows a progress bar on a terminal', async () => {
    rest.history.answers = [Buffer.alloc(2500)];
    expect((await exported([], { messagesOnTerminal: true })).err).toMatch(/\[#{15}\.{15}\] {2}50 % 2\.5 kB/);
  });

  it('replaces a file only with --force', async () => {
    rest.history.answers = [Buffer.from('new')];
    writeFileSync(file, 'old');
    expect(await exported()).toMatchObject({ exitCode: 5, err: expect.stringContaining('--force') });
    expect(rest.history.opened).toEqual([]);
    expect(readFileSync(file, 'utf8')).toBe('old');
    expect(await exported(['--force'])).toMatchObject({ exitCode: 0 });
    expect(readFileSync(file, 'utf8')).toBe('new');
  });

  it('leaves no file behind when the connection is lost', async () => {
    rest.history.answers = [Buffer.from('first'), new Error('The disk is gone')];
    expect(await exported()).toMatchObject({ exitCode: 1, err: expect.stringContaining('was lost after 5 bytes') });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('leaves no file behind when it is interrupted', async () => {
    const interrupt = new AbortController();
    const result = exported([], { interrupted: interrupt.signal });
    const past = await waitFor('the download to start', BOUND_MS, () => rest.history.opened[0]);
    await waitFor('the download to take a chunk', BOUND_MS, () => past.give(Buffer.from('first')));
    await waitFor('the file to be written', BOUND_MS, () => readdirSync(folder).length > 0);
    interrupt.abort();
    expect(await result).toMatchObject({ exitCode: 1, err: expect.stringContaining('Stopped before the end') });
    expect(readdirSync(folder)).toEqual([]);
    await waitFor('the proxy to notice', BOUND_MS, () => past.closed);
  });

  it('can be interrupted before the start', async () => {
    const interrupt = new AbortController();
    const result = exported([], { interrupted: interrupt.signal });
    await waitFor('the download to start', BOUND_MS, () => rest.history.opened[0]);
    interrupt.abort();
    expect(await result).toMatchObject({ exitCode: 1, err: expect.stringContaining('Stopped before the start') });
  });

  it('fails for an empty range, and for one that is too long', async () => {
    rest.history.answers = [];
    expect(await exported()).toMatchObject({
      exitCode: 4,
      err: expect.stringContaining('There is nothing of camera'),
    });
    const long = await chrysproxy(['export', 'yard', file, '--from', '-2d']);
    expect(long).toMatchObject({ exitCode: 2, err: expect.stringContaining('more than 24 hours') });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('names the file that cannot be written', async () => {
    rest.history.answers = [Buffer.from('mp4')];
    const result = await chrysproxy(['export', 'yard', join(folder, 'missing/x.mp4'), ...RANGE]);
    expect(result).toMatchObject({ exitCode: 1, err: expect.stringContaining('missing/x.mp4 cannot be written') });
  });
});
