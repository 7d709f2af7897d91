import { setImmediate as otherWork } from 'node:timers/promises';
import type { Request } from 'express';
import type { Clock } from '../../base/clock.js';
import { ChrysError } from '../../base/errors.js';
import type { Recordings, Timeline } from '../../recording/types.js';
import type { Clip } from '../../database/clip.js';
import type { ClipStore } from '../../database/clips.js';
import { clipBody, parseBody } from './bodies.js';
import { checkClipRange } from './clip-file.js';
import { rangeText, whatThereIs } from './nearest-span.js';
import type { RecordedCamera } from './recorded-camera.js';
import { clipped } from './timeline.js';

export interface ClipParts {
  readonly clips: Pick<ClipStore, 'add' | 'get' | 'list' | 'remove'>;
  readonly recordings: Pick<Recordings, 'nearest' | 'timeline'>;
  readonly clock: Clock;
}

/** Times are milliseconds since the epoch. */
export interface ClipAnswer {
  readonly id: number;
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly created: number;
  /** Of the segments that it keeps. */
  readonly bytes: number;
  /** Whether its range is recorded without gaps. */
  readonly complete: boolean;
}

/** Throws invalid_argument, not_found when nothing of the range is recorded, already_exists. */
export async function addClip(body: unknown, recorded: RecordedCamera, parts: ClipParts): Promise<ClipAnswer> {
  const { name, from, to } = parseBody(clipBody, body);
  const range = checkClipRange({ fromMs: from, toMs: to });
  const { clips, recordings, clock } = parts;
  const timeline = await recordings.timeline(recorded.name, from, to);
  if (timeline.spans.length === 0) {
    const instead = await whatThereIs({ ...recorded, camera: undefined }, range, recordings);
    const text = `Nothing of camera "${recorded.name}" is recorded ${rangeText(range)}: ${instead}`;
    throw new ChrysError('not_found', text);
  }
  const clip = clips.add({ camera: recorded.name, name, ...range, createdMs: clock.nowMs() });
  return answerOf(clip, timeline);
}

export async function listClips(camera: string, { clips, recordings }: ClipParts): Promise<ClipAnswer[]> {
  const answers: ClipAnswer[] = [];
  for (const clip of clips.list(camera)) {
    answers.push(await describeClip(clip, recordings));
    await otherWork();
  }
  return answers;
}

export async function describeClip(clip: Clip, recordings: Pick<Recordings, 'timeline'>): Promise<ClipAnswer> {
  return answerOf(clip, await recordings.timeline(clip.camera, clip.fromMs, clip.toMs));
}

/** The clip that a path names. Throws invalid_argument, not_found. */
export function findClip(camera: string, id: number, clips: Pick<ClipStore, 'get'>): Clip {
  const clip = clips.get(camera, id);
  if (clip === undefined) throw noClip(camera, id);
  return clip;
}

/** Only its protection ends: what is recorded goes when it is old enough. Throws not_found. */
export function removeClip(camera: string, id: number, clips: Pick<ClipStore, 'remove'>): void {
  if (!clips.remove(camera, id)) throw noClip(camera, id);
}

/** The number in a path. Throws invalid_argument. */
export function idOf({ params }: Request<{ id: string }>): number {
  if (!/^\d{1,15}$/.test(params.id)) {
    const shown = JSON.stringify(params.id).slice(0, 40);
    throw new ChrysError('invalid_argument', `id: ${shown} is not allowed; allowed is a number, as the list has it.`);
  }
  return Number(params.id);
}

function noClip(camera: string, id: number): ChrysError {
  const text = `Camera "${camera}" has no clip ${id}; GET /api/v1/process/${camera}/clips lists those that it has.`;
  return new ChrysError('not_found', text);
}

function answerOf({ id, name, fromMs, toMs, createdMs }: Clip, { spans, bytes }: Timeline): ClipAnswer {
  const [only, ...more] = spans.map((span) => clipped(span, { fromMs, toMs }));
  const complete = more.length === 0 && only?.fromMs === fromMs && only.toMs === toMs;
  return { id, name, from: fromMs, to: toMs, created: createdMs, bytes, complete };
}
