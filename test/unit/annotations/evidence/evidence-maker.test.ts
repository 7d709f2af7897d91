/** How evidence is made while other parts of the proxy have problems. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { EvidenceMaker } from '../../../../src/annotations/evidence/evidence-maker.js';
import type { HistoryAnswer } from '../../../../src/annotations/evidence/evidence-writer.js';
import { PendingEvidenceList } from '../../../../src/annotations/evidence/pending-evidence-list.js';
import { ChrysError } from '../../../../src/base/errors.js';
import { VideoFrame } from '../../../../src/gen/chrys/cloud/videostreaming/v1beta1/video_streaming.js';
import type { MadeEvidence, PendingEvidence } from '../../../../src/annotations/evidence/evidence.js';
import { waitFor } from '../../../support/wait.js';
import { annotateRequest, annotation, STORED_MS } from '../fixture.js';
import { hurriedClock } from '../../fixtures/supervision.js';
import { FakeCameras } from '../../rest/fixture.js';

const BOUND_MS = 15_000;
const ID = annotation(1).id;
const CALL = { isGone: () => false };

let folder: string;
let pending: PendingEvidenceList;
let maker: EvidenceMaker;
let settled: MadeEvidence[];
let warned: string[];
/** The results of the next calls; the last one applies to all further calls. */
let opens: ('busy' | 'silent' | 'frame')[];
let answers: (boolean | 'outage')[];
let stored: () => Promise<string>;
let closed: number;

const next = <T>(list: T[]): T => (list.length > 1 ? list.shift()! : list[0]!);

beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'chrysproxy-maker-')), 'evidence');
  pending = new PendingEvidenceList();
  [settled, warned, opens, answers, closed] = [[], [], ['frame'], [true], 0];
  stored = () => Promise.resolve(ID);
  const unused = (): never => expect.fail();
  maker = new EvidenceMaker({
    annotations: {
      annotate: () => stored(),
      pendingEvidence: () => Promise.resolve([]),
      noteSnapshot: () => Promise.resolve(),
      settleEvidence: (_id, made) => {
        const answer = next(answers);
        if (answer === 'outage') return Promise.reject(new ChrysError('unavailable', 'the thread ended'));
        settled.push(made);
        return Promise.resolve(answer);
      },
    },
    history: { open: () => answerOf(next(opens)), openClip: unused },
    cameras: new FakeCameras(),
    recordings: { has: (camera) => camera === 'yard', inRange: () => [], pathOf: unused },
    frameIds: unused,
    segmentFrames: unused,
    ...{ pending, folder, maxMs: 60_000, maxBytes: 1000 },
    clock: { ...hurriedClock(50), nowMs: () => STORED_MS },
    logger: { warn: (...given: unknown[]) => void warned.push(String(given.at(-1))) },
  });
  maker.start();
});
afterEach(async () => {
  await maker.stop();
  rmSync(join(folder, '..'), { recursive: true });
});

function answerOf(how: 'busy' | 'silent' | 'frame'): HistoryAnswer {
  if (how === 'busy') throw new ChrysError('resource_exhausted', 'too many queries');
  const frame = VideoFrame.fromPartial({ data: Buffer.from('a jpeg'), frameId: 7, timestamp: STORED_MS });
  const message = VideoFrame.encode(frame).finish();
  return {
    next: (settle) => {
      if (how === 'silent') return;
      settle(undefined, {
        byteLength: message.length,
        arrivalUs: STORED_MS * 1000,
        copyTo: (target, offset) => {
          target.set(message, offset);
        },
      });
    },
    close: () => void (closed += 1),
  };
}

const ask = (): Promise<string> =>
  maker.annotate(annotateRequest({ evidenceSnapshot: true, startTimestamp: STORED_MS - 1 }), CALL);
const picture = (): string => join(folder, `${ID}.jpg`);
const isSettled = (): Promise<unknown> => waitFor('the evidence', BOUND_MS, () => settled.length > 0);

it('is retried while too many queries are open, and its recordings are protected until it is made', async () => {
  opens = ['busy', 'busy', 'frame'];
  expect(await ask()).toBe(ID);
  expect(pending.protectedSpans()).toHaveLength(1);
  await isSettled();
  expect(settled).toMatchObject([{ jpegBytes: 6, jpegFrameId: 7, clipBytes: 0, reason: '' }]);
  expect(readFileSync(picture(), 'utf8')).toBe('a jpeg');
  await waitFor('its protection to end', BOUND_MS, () => pending.protectedSpans().length === 0);
});

it('fails with the reason when too many queries are open for a long time', async () => {
  opens = ['busy'];
  await ask();
  await isSettled();
  expect(settled[0]!.reason).toBe('The snapshot could not be made: too many queries.');
  expect(warned).toEqual([expect.stringContaining('too many queries')]);
});

it('is stored again when the annotation thread was restarted', async () => {
  answers = ['outage', 'outage', true];
  await ask();
  await isSettled();
  expect(existsSync(picture())).toBe(true);
});

it('leaves no file when it is not needed', async () => {
  answers = [false];
  await ask();
  await isSettled();
  await waitFor('the file to go', BOUND_MS, () => !existsSync(picture()));
});

it('is not made when the annotation was not stored', async () => {
  stored = () => Promise.reject(new ChrysError('resource_exhausted', 'the queue is full'));
  await expect(ask()).rejects.toThrow('the queue is full');
  expect(pending.protectedSpans()).toEqual([]);
  expect(settled).toEqual([]);
});

it('stays pending when the proxy stops while the history does not answer', async () => {
  opens = ['silent'];
  await ask();
  await waitFor('the file to be begun', BOUND_MS, () => existsSync(folder));
  await maker.stop();
  expect([settled, existsSync(picture())]).toEqual([[], false]);
});

it('of an earlier run is made, but not a snapshot that is already complete', async () => {
  const request = { camera: 'yard', fromMs: 1, toMs: 1, clip: false, snapshot: true, atMs: 1, frameId: 7 };
  const evidence: PendingEvidence = { id: ID, ...request, jpegBytes: 5, jpegFrameId: 7, jpegMs: 1 };
  pending.add(evidence);
  maker.start();
  await isSettled();
  expect(settled).toMatchObject([{ jpegBytes: 5, jpegMs: 1 }]);
  expect(closed).toBe(0);
});
