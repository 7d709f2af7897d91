import type { Annotations } from '../annotations/types.js';
import type { Camera } from '../cameras/types.js';
import type { Passthrough } from '../passthrough/types.js';
import type { Recordings } from '../recording/types.js';
import type { Condition } from './event.js';
import type { Webhooks } from './webhooks.js';

/** So full that somebody should look why. */
const NEARLY_FULL = 0.9;

/** 'running', 'reconnecting' or 'failed'; undefined: nobody knows yet. */
export function cameraCondition({ definition, state }: Camera): Condition | undefined {
  const { phase, reason = '', message } = state;
  if (phase === 'created' || phase === 'connecting' || phase === 'stopped') return undefined;
  return { type: 'camera', camera: definition.name, state: phase, reason, message, isUsual: false };
}

/** 'failing' (the disk takes nothing), 'losing' (it is too slow), or 'fine'. */
export function recordingCondition(camera: string, recordings: Pick<Recordings, 'status'>): Condition {
  const { state, message } = recordings.status(camera);
  const isFailing = state === 'failing';
  const isUsual = !isFailing && message === '';
  return {
    type: 'recording',
    camera,
    state: isFailing ? 'failing' : isUsual ? 'fine' : 'losing',
    reason: '',
    message: isUsual ? '' : message,
    isUsual,
  };
}

/** 'failing' (the RTMP server takes nothing, or never can), or 'fine'; undefined: it is being tried. */
export function passthroughCondition(camera: string, passthrough: Pick<Passthrough, 'status'>): Condition | undefined {
  const { wanted, streaming, state, message } = passthrough.status(camera);
  const about = { type: 'passthrough', camera, reason: '' } as const;
  if (state === 'retrying' || state === 'impossible') return { ...about, state: 'failing', message, isUsual: false };
  return !wanted || streaming ? { ...about, state: 'fine', message: '', isUsual: true } : undefined;
}

/** 'nearly_full', 'waiting' (they are not delivered), 'refused' (some were set aside), or 'fine'. */
export async function annotationCondition(
  annotations: Pick<Annotations, 'status'>,
  maxQueue: number,
): Promise<Condition> {
  const { mode, queued, setAside, paused } = await annotations.status();
  const all = { type: 'annotations', camera: '', reason: '' } as const;
  if (mode === 'cloud' && queued + setAside >= maxQueue * NEARLY_FULL) {
    const message = `${queued} annotations wait and ${setAside} are set aside, annotation.max_queue is ${maxQueue}. ${paused}`;
    return { ...all, state: 'nearly_full', message: message.trimEnd(), isUsual: false };
  }
  if (mode === 'cloud' && queued > 0 && paused !== '') {
    return { ...all, state: 'waiting', message: paused, isUsual: false };
  }
  if (setAside > 0) {
    const message = `The endpoint refused ${setAside} annotations; "chrysproxy annotations set-aside" says why.`;
    return { ...all, state: 'refused', message, isUsual: false };
  }
  return { ...all, state: 'fine', message: '', isUsual: true };
}

/** 'waiting' (they are not delivered), or 'fine'. */
export async function webhookCondition(webhooks: Pick<Webhooks, 'status'>): Promise<Condition> {
  const { queued, paused } = (await webhooks.status()).queue;
  const isUsual = queued === 0 || paused === '';
  const message = isUsual ? '' : paused;
  return { type: 'webhooks', camera: '', state: isUsual ? 'fine' : 'waiting', reason: '', message, isUsual };
}
