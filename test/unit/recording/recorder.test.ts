import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { CONTROL } from '../../../src/gen/ring-layout.js';
import type { FromRecorder, RecordMessage } from '../../../src/recording/messages.js';
import { Recorder } from '../../../src/recording/recorder.js';
import type { RetentionRules } from '../../../src/recording/retention.js';
import { Control } from '../../../src/rings/control.js';
import { prepareSegmentIndex, SegmentIndex } from '../../../src/database/segment-index.js';
import { FakePacketRing } from '../fixtures/packet-ring.js';
import { FakeSegmentAddon, systemError } from '../fixtures/segment-addon.js';

const FIRST = 2 ** 33 + 1;
const START_MS = 1_700_000_000_000;
const FRAME_MS = 40;
const GOP = 5;
const GROUP_BYTES = 500;
const NO_RULES: RetentionRules = { olderThanMs: 0, maxBytesPerCamera: 0, maxBytesTotal: 0, minFreeBytes: 0 };

let dataDir: string;
let folder: string;
let index: SegmentIndex;
let addon: FakeSegmentAddon;
let said: FromRecorder[];
let nowMs: number;
let recorder: Recorder;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'chrysproxy-recorder-'));
  folder = join(dataDir, 'archive');
  prepareSegmentIndex(dataDir);
  index = new SegmentIndex(dataDir, 'write');
  addon = new FakeSegmentAddon();
  nowMs = 0;
  begin();
});
afterEach(() => {
  index.close();
  rmSync(dataDir, { recursive: true });
});

/** A new recorder, as after a crash of its thread. */
function begin(rules: Partial<RetentionRules> = {}, segmentMinMs = 0): void {
  said = [];
  recorder = new Recorder({
    data: { folder, segmentMinMs, rules: { ...NO_RULES, ...rules } },
    addon,
    index: index.writer(),
    monotonicMs: () => (nowMs += 0.001),
    post: (message) => said.push(message),
  });
}

class TestCamera {
  readonly ring: FakePacketRing;
  readonly control = Control.create();
  private written = 0;

  constructor(
    readonly name = 'yard',
    readonly id = 1,
    entries = 64,
  ) {
    this.ring = new FakePacketRing(entries, FIRST);
    this.control.setI32(CONTROL.connectedI32, 1);
  }

  get message(): RecordMessage {
    return {
      kind: 'record',
      id: this.id,
      camera: this.name,
      packetRing: this.ring.buffer,
      audioRing: undefined,
      control: this.control.buffer,
      fromSequence: FIRST,
      periods: [period(1)],
      counters: { segments: 0, bytes: 0, lostGroups: 0, lastSegmentMs: 0 },
    };
  }

  record(): this {
    recorder.take(this.message);
    return this;
  }

  /** Writes whole groups of five packets; the last one stays open. */
  write(groups: number, connection = 1): this {
    for (let packet = 0; packet < groups * GOP; packet += 1) {
      this.ring.write({
        keyframe: packet % GOP === 0,
        arrivalMs: START_MS + this.written * FRAME_MS,
        connection,
      });
      this.written += 1;
    }
    return this;
  }
}

function period(connection: number, width = 640) {
  return { fromSequence: 0, connection, codecName: 'h264', extradata: new Uint8Array(3), width, height: 480 };
}

function run(): void {
  while (recorder.round());
  recorder.report();
}

function files(camera = 'yard'): string[] {
  return existsSync(join(folder, camera)) ? readdirSync(join(folder, camera)).sort() : [];
}

/** File name of the `number`-th group. */
function fileOf(number: number): string {
  return `${START_MS + number * GOP * FRAME_MS}_${GOP * FRAME_MS}.mp4`;
}

function indexed(camera = 'yard'): string[] {
  return index
    .page(camera, { fromUs: 0, toUs: Number.MAX_SAFE_INTEGER, afterUs: 0, limit: 1000 })
    .map(({ file }) => file);
}

function progress(id = 1) {
  const all = said.filter((message) => message.kind === 'progress').flatMap(({ cameras }) => cameras);
  return all.findLast((camera) => camera.id === id);
}

function logged(): string[] {
  return said.filter((message) => message.kind === 'log').map(({ level, text }) => `${level}: ${text}`);
}

describe('Recorder', () => {
  it('writes each whole group into a file and the index', () => {
    new TestCamera().record().write(3);
    run();
    expect(files()).toEqual([fileOf(0), fileOf(1)]);
    expect(indexed()).toEqual(files());
    expect(index.inRange('yard', { fromUs: 0, toUs: 1e17, afterSequence: 0, limit: 1 })[0]).toMatchObject({
      firstSequence: FIRST,
      endSequence: FIRST + GOP,
      frames: GOP,
      width: 640,
    });
    expect(progress()).toEqual({
      id: 1,
      counters: { segments: 2, bytes: 2 * GROUP_BYTES, lostGroups: 0, lastSegmentMs: START_MS + GOP * FRAME_MS },
      state: 'recording',
      message: '',
    });
  });

  it('waits for the audio of the newest segments only, so that short segments do not make it fall behind', () => {
    const camera = new TestCamera().write(12);
    recorder.take({ ...camera.message, audioRing: new SharedArrayBuffer(8) });
    run();
    // Each group lasts 200 ms, and audio can be 500 ms late.
    expect(files()).toEqual(Array.from({ length: 9 }, (_, number) => fileOf(number)).sort());
    nowMs += 500;
    run();
    expect(files()).toHaveLength(10);
  });

  it('writes a segment of each camera in turn', () => {
    new TestCamera('yard', 1).record().write(3);
    new TestCamera('door', 2).record().write(3);
    recorder.round();
    expect([files('yard'), files('door')]).toEqual([[fileOf(0)], [fileOf(0)]]);
  });

  it('writes the group in progress when the camera has been away for a second, or recording ends', () => {
    const camera = new TestCamera().record().write(2);
    run();
    camera.control.setI32(CONTROL.connectedI32, 0);
    run();
    nowMs += 900;
    run();
    expect(files()).toHaveLength(1);
    nowMs += 101;
    run();
    expect(files()).toHaveLength(2);
    camera.write(1, 2);
    recorder.take({ kind: 'periods', id: 1, periods: [period(1), { ...period(2), fromSequence: FIRST + 10 }] });
    recorder.take({ kind: 'forget', id: 1 });
    recorder.report();
    expect(files()).toHaveLength(3);
    expect(progress()?.counters.segments).toBe(3);
    expect(recorder.isRecording).toBe(false);
  });

  it('finishes although the camera sends faster than the disk writes', () => {
    const camera = new TestCamera().record().write(2);
    addon.onWrite = () => {
      camera.write(1);
    };
    recorder.take({ kind: 'forget', id: 1 });
    expect(recorder.isRecording).toBe(false);
    expect(files().length).toBeLessThan(5);
  });

  it('writes the open groups of all cameras when it finishes', () => {
    new TestCamera('yard', 1).record().write(1);
    new TestCamera('door', 2).record().write(2);
    recorder.finish();
    expect([files('yard').length, files('door').length]).toEqual([1, 2]);
  });

  it('waits for the description of a new connection', () => {
    const camera = new TestCamera();
    recorder.take({ ...camera.message, periods: [] });
    camera.write(2);
    run();
    expect(files()).toEqual([]);
    recorder.take({ kind: 'periods', id: 1, periods: [period(1)] });
    run();
    expect(files()).toEqual([fileOf(0)]);
  });

  it('goes on when the description never arrives', () => {
    const camera = new TestCamera('yard', 1, 16);
    recorder.take({ ...camera.message, periods: [period(2)] });
    camera.write(2);
    run();
    camera.write(3);
    run();
    camera.write(2, 2);
    run();
    expect(indexed()).toHaveLength(1);
    expect(progress()?.counters).toMatchObject({ segments: 1, lostGroups: 5 });
  });

  it('joins short groups, but not groups of different picture sizes', () => {
    begin({}, 2 * GOP * FRAME_MS);
    const camera = new TestCamera();
    const periods = [period(1), { ...period(1, 320), fromSequence: FIRST + 3 * GOP }];
    recorder.take({ ...camera.message, periods });
    camera.write(7);
    run();
    expect(indexed().map((file) => file.split('_')[1])).toEqual(['400.mp4', '200.mp4', '400.mp4']);
  });

  it('continues after its last segment when its thread is restarted', () => {
    const camera = new TestCamera().record().write(3);
    run();
    begin();
    camera.record().write(1);
    run();
    expect(files()).toEqual([fileOf(0), fileOf(1), fileOf(2)]);
  });

  it('gives different names to two segments that begin in the same millisecond', () => {
    mkdirSync(join(folder, 'yard'), { recursive: true });
    symlinkSync('/nowhere', join(folder, 'yard', fileOf(0)));
    new TestCamera().record().write(2);
    run();
    expect(indexed()).toEqual([`${START_MS + 1}_200.mp4`]);
  });

  it('replaces the unfinished file of a crashed thread', () => {
    mkdirSync(join(folder, 'yard'), { recursive: true });
    writeFileSync(join(folder, 'yard', `.${FIRST}.part`), 'half');
    new TestCamera().record().write(2);
    run();
    expect(files()).toEqual([fileOf(0)]);
  });
});

describe('a disk that cannot be written', () => {
  it('is logged once with advice; its groups are lost, and writing is tried again', () => {
    const camera = new TestCamera().record().write(3);
    run();
    addon.error = systemError('ENOSPC');
    camera.write(2);
    run();
    expect(progress()).toMatchObject({
      state: 'failing',
      counters: { segments: 2, lostGroups: 2 },
      message: expect.stringMatching(/no space left .*Free some/) as string,
    });
    expect(said).toContainEqual({ kind: 'overLimit' });
    addon.error = undefined;
    camera.write(1);
    run();
    expect(progress()).toMatchObject({ state: 'recording', message: '', counters: { segments: 3, lostGroups: 2 } });
    expect(logged()).toEqual([
      expect.stringMatching(/^error: There is no space left/),
      'info: The camera is recorded again. 2 groups of pictures were lost so far.',
    ]);
    expect(indexed()).toEqual([fileOf(0), fileOf(1), fileOf(4)]);
  });

  it.each([
    ['EACCES', /cannot be written \(EACCES\)\. Make it writable/],
    ['EROFS', /cannot be written \(EROFS\)\. Make it writable/],
    ['EIO', /reports an error \(EIO\)/],
    ['EMFILE', /EMFILE: it does not work/],
  ])('says what to do about %s', (code, message) => {
    addon.error = systemError(code);
    new TestCamera().record().write(2);
    run();
    expect(progress()).toMatchObject({ state: 'failing', message: expect.stringMatching(message) as string });
  });

  it('gets its folder again when the folder was removed, and loses nothing', () => {
    const camera = new TestCamera().record().write(2);
    run();
    rmSync(folder, { recursive: true });
    camera.write(1);
    run();
    expect(files()).toEqual([fileOf(1)]);
    expect(progress()?.counters.lostGroups).toBe(0);
  });

  it('names the file that has the name of the folder', () => {
    writeFileSync(folder, 'a file');
    const camera = new TestCamera().record().write(2);
    run();
    expect(progress()?.message).toMatch(/a file has the name of a folder .*Move the file away/);
    rmSync(folder);
    camera.write(1);
    run();
    expect(progress()).toMatchObject({ state: 'recording', counters: { lostGroups: 1, segments: 1 } });
  });

  it('does not follow a link that replaces the folder of a camera', () => {
    const elsewhere = join(dataDir, 'elsewhere');
    mkdirSync(elsewhere);
    mkdirSync(folder);
    symlinkSync(elsewhere, join(folder, 'yard'));
    new TestCamera().record().write(2);
    run();
    expect(progress()?.message).toMatch(/is a symbolic link\. Replace it by a folder/);
    expect(readdirSync(elsewhere)).toEqual([]);
  });
});

describe('a disk that is too slow', () => {
  it('loses groups, which are counted, and is logged once until it has been fast enough for a while', () => {
    const camera = new TestCamera('yard', 1, 16).record().write(1);
    run();
    camera.write(8);
    run();
    const message = expect.stringContaining('the disk is too slow') as string;
    expect(progress()).toMatchObject({ state: 'recording', message, counters: { lostGroups: 7, segments: 1 } });
    expect(files()).toEqual([fileOf(7)]);
    expect(logged()).toEqual([expect.stringMatching(/^warn: Groups of pictures are lost: the disk is too slow/)]);
    nowMs += 10_000;
    camera.write(1);
    run();
    expect(progress()).toMatchObject({ state: 'recording', message: '' });
    expect(logged().slice(1)).toEqual([expect.stringMatching(/^info: The camera is recorded again\. 7 groups/)]);
  });

  it('goes on with the newest whole group when the ring was overwritten during a write', () => {
    addon.overruns = 1;
    new TestCamera().record().write(5);
    run();
    expect(files()).toEqual([fileOf(3)]);
    expect(progress()?.counters).toMatchObject({ lostGroups: 3, segments: 1 });
  });
});

describe('cleaning', () => {
  const clean = (nowOffsetMs: number, spans: readonly { camera: string; fromUs: number; toUs: number }[] = []) => {
    recorder.take({ kind: 'clean', nowUs: (START_MS + nowOffsetMs) * 1000, jumps: [], protectedSpans: spans });
    return said.findLast((message) => message.kind === 'cleaned');
  };

  it('deletes the file and the row of an old segment', () => {
    begin({ olderThanMs: 1000 });
    new TestCamera().record().write(5);
    run();
    expect(clean(1000 + 2 * GOP * FRAME_MS + 1)).toEqual({ kind: 'cleaned', deleted: 2, more: false });
    expect(files()).toEqual([fileOf(2), fileOf(3)]);
    expect(indexed()).toEqual(files());
  });

  it('is requested when a size limit is exceeded', () => {
    begin({ maxBytesTotal: 3 * GROUP_BYTES });
    const camera = new TestCamera().record().write(4);
    run();
    expect(said.some(({ kind }) => kind === 'overLimit')).toBe(false);
    nowMs += 1000;
    camera.write(2);
    run();
    expect(said.filter(({ kind }) => kind === 'overLimit')).toHaveLength(1);
    expect(clean(0)).toEqual({ kind: 'cleaned', deleted: 2, more: false });
    expect(files()).toEqual([fileOf(2), fileOf(3), fileOf(4)]);
  });

  it('is done in parts', () => {
    begin({ olderThanMs: 1 });
    const camera = new TestCamera().record();
    for (let group = 0; group < 60; group += 1) {
      camera.write(1);
      run();
    }
    expect(clean(1e6)).toMatchObject({ deleted: 50, more: true });
    expect(clean(1e6)).toMatchObject({ deleted: 9, more: false });
  });

  it('deletes no link, no folder and no target of a link, but removes their rows', () => {
    begin({ olderThanMs: 1 });
    new TestCamera('yard', 1).record().write(4);
    new TestCamera('door', 2).record().write(2);
    run();
    const precious = join(dataDir, 'precious');
    mkdirSync(precious);
    writeFileSync(join(precious, fileOf(0)), 'precious');
    for (const name of [fileOf(0), fileOf(1)]) rmSync(join(folder, 'yard', name));
    symlinkSync(join(precious, fileOf(0)), join(folder, 'yard', fileOf(0)));
    mkdirSync(join(folder, 'yard', fileOf(1)));
    writeFileSync(join(folder, 'yard', 'notes.txt'), 'notes');
    rmSync(join(folder, 'door'), { recursive: true });
    symlinkSync(precious, join(folder, 'door'));
    expect(clean(1e6)).toMatchObject({ deleted: 1, more: false });
    expect(files()).toEqual([fileOf(0), fileOf(1), 'notes.txt']);
    expect(readdirSync(precious)).toEqual([fileOf(0)]);
    expect([indexed('yard'), indexed('door')]).toEqual([[], []]);
  });

  it('warns once that nothing more can be deleted, and pauses after that', () => {
    begin({ maxBytesTotal: 1 });
    const camera = new TestCamera().record().write(2);
    const all = [{ camera: 'yard', fromUs: 0, toUs: 1e17 }];
    for (let second = 0; second < 70; second += 1) {
      nowMs += 1000;
      camera.write(1);
      run();
      if (said.at(-1)?.kind === 'overLimit' || said.at(-2)?.kind === 'overLimit') clean(0, all);
    }
    expect(said.filter(({ kind }) => kind === 'overLimit')).toHaveLength(2);
    expect(logged()).toEqual([expect.stringMatching(/^warn: A size limit is exceeded .*clips protect/)]);
  });

  it('keeps segments that a clip protects', () => {
    begin({ olderThanMs: 1, maxBytesTotal: 1 });
    new TestCamera().record().write(5);
    run();
    const fromUs = (START_MS + GOP * FRAME_MS + 10) * 1000;
    clean(1e6, [{ camera: 'yard', fromUs, toUs: fromUs + 1 }]);
    expect(files()).toEqual([fileOf(1)]);
  });
});

describe('a check', () => {
  const check = () => {
    recorder.take({ kind: 'check', why: 'requested' });
    while (recorder.isChecking) recorder.stepCheck(1);
    const answer = said.findLast((message) => message.kind === 'checked');
    return answer?.report;
  };

  it('finds nothing to correct when index and folder agree, or there is no folder', () => {
    expect(check()).toEqual({ good: 0, added: 0, missing: 0, removed: 0, foreign: [], foreignCount: 0 });
    new TestCamera().record().write(3);
    run();
    expect(check()).toEqual({ good: 2, added: 0, missing: 0, removed: 0, foreign: [], foreignCount: 0 });
  });

  it('corrects the index and changes no foreign file', () => {
    new TestCamera().record().write(6);
    run();
    const at = (name: string): string => join(folder, 'yard', name);
    // Not in the index; one of them of a removed camera.
    const [first, second] = index.page('yard', { fromUs: 0, toUs: 1e17, afterUs: 0, limit: 2 });
    index.writer().remove(first!.id);
    mkdirSync(join(folder, 'gone'));
    writeFileSync(join(folder, 'gone', fileOf(0)), readFileSync(at(fileOf(0))));
    // In the index, but not on the disk.
    rmSync(at(second!.file));
    // Unfinished files: one is complete, one is not.
    writeFileSync(at('.77.part'), readFileSync(at(fileOf(2))));
    writeFileSync(at('.78.part'), 'half');
    // Foreign files.
    writeFileSync(at('1_1.mp4'), 'not ours');
    writeFileSync(at('notes.txt'), 'notes');
    writeFileSync(at('.hidden.part'), 'x');
    symlinkSync(at(fileOf(2)), at('2_2.mp4'));
    writeFileSync(join(folder, 'README'), 'x');
    mkdirSync(join(folder, 'lost+found'));
    expect(check()).toEqual({
      good: 3,
      added: 3,
      missing: 1,
      removed: 1,
      foreign: expect.arrayContaining([
        'README',
        'lost+found',
        'yard/.hidden.part',
        'yard/1_1.mp4',
        'yard/2_2.mp4',
        'yard/notes.txt',
      ]) as string[],
      foreignCount: 6,
    });
    expect(readFileSync(at('1_1.mp4'), 'utf8')).toBe('not ours');
    expect(existsSync(at('.78.part'))).toBe(false);
    expect(indexed('yard')).toHaveLength(5);
    expect(indexed('gone')).toEqual([fileOf(0)]);
    expect(check()).toMatchObject({ good: 6, added: 0, missing: 0, removed: 0, foreignCount: 6 });
  });

  it('ignores unreadable files and goes on', () => {
    new TestCamera().record().write(3);
    run();
    const at = (name: string): string => join(folder, 'yard', name);
    for (const name of ['1_1.mp4', '.79.part']) {
      writeFileSync(at(name), 'of another');
      addon.unreadable.add(at(name));
    }
    index.writer().remove(index.page('yard', { fromUs: 0, toUs: 1e17, afterUs: 0, limit: 1 })[0]!.id);
    expect(check()).toMatchObject({ added: 1, removed: 0, foreignCount: 2 });
    expect(existsSync(at('.79.part'))).toBe(true);
  });

  it('keeps the index of an empty folder at the start, and clears it when an operator requests the check', () => {
    new TestCamera().record().write(3);
    run();
    rmSync(folder, { recursive: true });
    recorder.take({ kind: 'check', why: 'start' });
    while (recorder.isChecking) recorder.stepCheck(1);
    expect(said.at(-1)).toMatchObject({ kind: 'checkFailed', why: 'start' });
    expect(indexed()).not.toEqual([]);
    expect(check()).toMatchObject({ good: 0 });
    expect(indexed()).toEqual([]);
  });

  it('lets recording go on meanwhile', () => {
    const camera = new TestCamera().record().write(3);
    run();
    recorder.take({ kind: 'check', why: 'start' });
    recorder.stepCheck(0.002);
    camera.write(2);
    run();
    while (recorder.isChecking) recorder.stepCheck(0.002);
    expect(said.findLast(({ kind }) => kind === 'checked')).toMatchObject({
      why: 'start',
      report: { added: 0, missing: 0, foreignCount: 0 },
    });
    expect(indexed()).toHaveLength(4);
  });

  it('runs once more when it is requested during a check', () => {
    new TestCamera().record().write(2);
    run();
    recorder.take({ kind: 'check', why: 'start' });
    recorder.take({ kind: 'check', why: 'requested' });
    while (recorder.isChecking) recorder.stepCheck(5);
    const answers = said.filter((message) => message.kind === 'checked');
    expect(answers.map(({ why }) => why)).toEqual(['start', 'requested']);
  });
});
