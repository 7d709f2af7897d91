import { setImmediate } from 'node:timers/promises';
import type { z } from 'zod';
import type { Clock } from '../../base/clock.js';
import { ChrysError } from '../../base/errors.js';
import type { Recordings, Timeline } from '../../recording/types.js';
import type { Clip } from '../../database/clip.js';
import type { ClipStore } from '../../database/clips.js';
import type { ClipAnswer, clipBody } from '../route-table/recordings.js';
import { checkClipRange } from './clip-file.js';
import { nearestSpanText, rangeText } from './nearest-span.js';
import type { RecordedCamera } from './recorded-camera.js';
import { clipped } from './timeline.js';

export interface ClipParts {
  readonly clips: Pick<ClipStore, 'add' | 'get' | 'list' | 'remove'>;
  readonly recordings: Pick<Recordings, 'nearest' | 'timeline'>;
  readonly clock: Clock;
}

/** Throws invalid_argument, not_found when nothing of the range is recorded, already_exists. */
export async function addClip(
  { name, from, to }: z.output<typeof clipBody>,
  recorded: RecordedCamera,
  parts: ClipParts,
): Promise<ClipAnswer> {
  const range = checkClipRange({ fromMs: from, toMs: to });
  const { clips, recordings, clock } = parts;
  const timeline = await recordings.timeline(recorded.name, from, to);
  if (timeline.spans.length === 0) {
    const instead = await nearestSpanText({ ...recorded, camera: undefined }, range, recordings);
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
    // Lets other work of the main thread run.
    await setImmediate();
  }
  return answers;
}

export async function describeClip(clip: Clip, recordings: Pick<Recordings, 'timeline'>): Promise<ClipAnswer> {
  return answerOf(clip, await recordings.timeline(clip.camera, clip.fromMs, clip.toMs));
}

/** Throws not_found. */
export function findClip(camera: string, id: number, clips: Pick<ClipStore, 'get'>): Clip {
  const clip = clips.get(camera, id);
  if (clip === undefined) throw noClip(camera, id);
  return clip;
}

/** Ends the protection of the clip's segments; retention deletes them when they are old enough. Throws not_found. */
export function removeClip(camera: string, id: number, clips: Pick<ClipStore, 'remove'>): void {
  if (!clips.remove(camera, id)) throw noClip(camera, id);
}

function noClip(camera: string, id: number): ChrysError {
  const text = `Camera "${camera}" has no clip ${id}; GET /api/v1/process/${camera}/clips lists its clips.`;
  return new ChrysError('not_found', text);
}

function answerOf({ id, name, fromMs, toMs, createdMs }: Clip, { spans, bytes }: Timeline): ClipAnswer {
  const [only, ...more] = spans.map((span) => clipped(span, { fromMs, toMs }));
  const complete = more.length === 0 && only?.fromMs === fromMs && only.toMs === toMs;
  return { id, name, from: fromMs, to: toMs, created: createdMs, bytes, complete };
}
