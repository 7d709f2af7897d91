import { ChrysError } from '../../../src/base/errors.js';
import type { CheckReport, RecordingStatus, Recordings, Span, Timeline } from '../../../src/recording/types.js';
import type { ClipQuery, HistoryQuery } from '../../../src/history/queries.js';
import type { HistoryReader, HistorySource } from '../../../src/rest/routes/history-source.js';
import type { Clip } from '../../../src/database/clip.js';
import type { Segment } from '../../../src/database/segment.js';

/** A segment of one second at 25 frames a second. */
export function fakeSegment(id: number, startMs: number, changes: Partial<Segment> = {}): Segment {
  return {
    id,
    camera: 'yard',
    file: `${startMs}_1000.mp4`,
    startUs: startMs * 1000 + 250,
    lastUs: startMs * 1000 + 960_250,
    durationUs: 1_000_000,
    bytes: 1000,
    frames: 25,
    firstSequence: id * 25,
    endSequence: id * 25 + 25,
    connection: 1,
    codecName: 'h264',
    width: 640,
    height: 480,
    keyframesUs: [startMs * 1000 + 250],
    audio: false,
    ...changes,
  };
}

const OFF: RecordingStatus = {
  wanted: false,
  state: 'off',
  message: '',
  segments: 0,
  bytes: 0,
  lostGroups: 0,
  lastSegmentMs: 0,
};

/** Recordings with the content that the test sets. */
export class FakeRecordings implements Recordings {
  readonly segments: Segment[] = [];
  readonly statuses = new Map<string, RecordingStatus>();
  folder = '/nowhere';
  report: CheckReport = { good: 0, added: 0, missing: 0, removed: 0, foreign: [], foreignCount: 0 };

  status(camera: string): RecordingStatus {
    return this.statuses.get(camera) ?? OFF;
  }

  has(camera: string): boolean {
    return this.segments.some((segment) => segment.camera === camera);
  }

  page(camera: string, range: { fromMs: number; toMs: number; after: number; limit: number }) {
    const found = this.#within(camera, range.fromMs, range.toMs).filter(({ id }) => id > range.after);
    const segments = found.slice(0, range.limit);
    return { segments, next: found.length > range.limit ? segments.at(-1)?.id : undefined };
  }

  get(camera: string, id: number): Segment | undefined {
    return this.segments.find((segment) => segment.camera === camera && segment.id === id);
  }

  async summary() {
    return [...new Set(this.segments.map(({ camera }) => camera))].sort().map((camera) => {
      const segments = this.#within(camera, 0, Infinity);
      const spans = segments.map(spanOf);
      return {
        camera,
        segments: segments.length,
        bytes: segments.reduce((sum, { bytes }) => sum + bytes, 0),
        fromMs: spans[0]!.fromMs,
        toMs: spans.at(-1)!.toMs,
      };
    });
  }

  timeline(camera: string, fromMs: number, toMs: number): Promise<Timeline> {
    const segments = this.#within(camera, fromMs, toMs);
    const spans: Span[] = [];
    for (const span of segments.map(spanOf)) {
      const last = spans.at(-1);
      if (last?.toMs === span.fromMs) spans.splice(-1, 1, { fromMs: last.fromMs, toMs: span.toMs });
      else spans.push(span);
    }
    return Promise.resolve({
      spans,
      segments: segments.length,
      bytes: segments.reduce((sum, { bytes }) => sum + bytes, 0),
      frames: segments.reduce((sum, { frames }) => sum + frames, 0),
    });
  }

  check(): Promise<CheckReport> {
    return Promise.resolve(this.report);
  }

  inRange(): readonly Segment[] {
    return [];
  }

  nearest(camera: string, momentUs: number): Segment | undefined {
    const distance = (segment: Segment): number => Math.abs(segment.startUs - momentUs);
    return this.#within(camera, 0, Infinity).sort((one, other) => distance(one) - distance(other))[0];
  }

  pathOf({ file }: Segment): string {
    return `${this.folder}/${file}`;
  }

  #within(camera: string, fromMs: number, toMs: number): Segment[] {
    return this.segments.filter((segment) => {
      const span = spanOf(segment);
      return segment.camera === camera && span.fromMs <= toMs && span.toMs > fromMs;
    });
  }
}

function spanOf({ startUs, durationUs }: Segment): Span {
  return { fromMs: Math.floor(startUs / 1000), toMs: Math.floor((startUs + durationUs) / 1000) };
}

export class FakeClips {
  readonly all: Clip[] = [];

  list(camera: string): Clip[] {
    return this.all.filter((clip) => clip.camera === camera);
  }

  get(camera: string, id: number): Clip | undefined {
    return this.list(camera).find((clip) => clip.id === id);
  }

  add(fields: Omit<Clip, 'id'>): Clip {
    if (this.list(fields.camera).some(({ name }) => name === fields.name)) {
      throw new ChrysError('already_exists', `Camera "${fields.camera}" has a clip "${fields.name}" already.`);
    }
    const clip = { id: this.all.length + 1, ...fields };
    this.all.push(clip);
    return clip;
  }

  remove(camera: string, id: number): boolean {
    const clip = this.get(camera, id);
    if (clip === undefined) return false;
    this.all.splice(this.all.indexOf(clip), 1);
    return true;
  }
}

type Settle = Parameters<HistoryReader['next']>[0];

/** An opened query; the test answers each `next`. */
export class FakeHistoryReader implements HistoryReader {
  settle: Settle | undefined;
  asked = 0;
  closed = false;

  constructor(readonly query: ClipQuery | HistoryQuery) {}

  next(settle: Settle): void {
    this.asked += 1;
    this.settle = settle;
  }

  close(): void {
    this.closed = true;
    this.settle = undefined;
  }

  /** Answers the waiting `next`. False: none waits. */
  give(content: Uint8Array | Error | undefined): boolean {
    const { settle } = this;
    if (settle === undefined) return false;
    this.settle = undefined;
    if (content instanceof Error) settle(content, undefined);
    else settle(undefined, content && chunkOf(content));
    return true;
  }
}

function chunkOf(content: Uint8Array) {
  return {
    byteLength: content.length,
    arrivalUs: 0,
    copyTo: (target: Uint8Array, offset: number): void => {
      target.set(content, offset);
    },
  };
}

/** Stores all opened queries. When `answers` is set, each query gets these answers one after the other. */
export class FakeHistorySource implements HistorySource {
  readonly opened: FakeHistoryReader[] = [];
  answers: readonly (Uint8Array | Error | undefined)[] | undefined;

  openClip(query: ClipQuery): FakeHistoryReader {
    return this.#open(query);
  }

  open(query: HistoryQuery): FakeHistoryReader {
    return this.#open(query);
  }

  #open(query: ClipQuery | HistoryQuery): FakeHistoryReader {
    const past = new FakeHistoryReader(query);
    this.opened.push(past);
    const answers = [...(this.answers ?? [])];
    const given = this.answers !== undefined;
    const next = past.next.bind(past);
    past.next = (settle) => {
      next(settle);
      if (given) {
        setImmediate(() => {
          past.give(answers.shift());
        });
      }
    };
    return past;
  }
}
