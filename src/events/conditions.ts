import type { Camera } from '../cameras/types.js';
import type { Outbox } from '../outbox/outbox.js';
import type { Passthrough } from '../passthrough/types.js';
import type { Recordings } from '../recording/types.js';
import type { Condition } from './event.js';
import type { Webhooks } from './webhooks.js';

/** The queue counts as nearly full from this fraction of annotation.max_queue on. */
const NEARLY_FULL = 0.9;

/** 'running', 'reconnecting' or 'failed'; undefined: not known yet. */
export function cameraCondition({ definition, state }: Camera): Condition | undefined {
  const { phase, reason = '', message } = state;
  if (phase === 'created' || phase === 'connecting' || phase === 'stopped') return undefined;
  return { type: 'camera', camera: definition.name, state: phase, reason, message, isUsual: false };
}

/** 'failing' (the disk does not accept data), 'losing' (the disk is too slow), or 'fine'. */
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

/** 'failing' (the RTMP server does not accept the stream), or 'fine'; undefined: a connection is being made. */
export function passthroughCondition(camera: string, passthrough: Pick<Passthrough, 'status'>): Condition | undefined {
  const { wanted, streaming, state, message } = passthrough.status(camera);
  const about = { type: 'passthrough', camera, reason: '' } as const;
  if (state === 'retrying' || state === 'impossible') return { ...about, state: 'failing', message, isUsual: false };
  return !wanted || streaming ? { ...about, state: 'fine', message: '', isUsual: true } : undefined;
}

/** 'nearly_full', 'waiting' (annotations are not delivered), 'refused' (some are set aside), or 'fine'. */
export async function annotationCondition(annotations: Pick<Outbox, 'status'>, maxQueue: number): Promise<Condition> {
  const { mode, queued, setAside, paused } = await annotations.status();
  const about = { type: 'annotations', camera: '', reason: '' } as const;
  if (mode === 'cloud' && queued + setAside >= maxQueue * NEARLY_FULL) {
    const message = `${queued} annotations wait and ${setAside} are set aside, annotation.max_queue is ${maxQueue}. ${paused}`;
    return { ...about, state: 'nearly_full', message: message.trimEnd(), isUsual: false };
  }
  if (mode === 'cloud' && queued > 0 && paused !== '') {
    return { ...about, state: 'waiting', message: paused, isUsual: false };
  }
  if (setAside > 0) {
    const message = `The endpoint refused ${setAside} annotations; "chrysproxy annotations set-aside" says why.`;
    return { ...about, state: 'refused', message, isUsual: false };
  }
  return { ...about, state: 'fine', message: '', isUsual: true };
}

/** 'waiting' (events are not delivered), or 'fine'. */
export async function webhookCondition(webhooks: Pick<Webhooks, 'status'>): Promise<Condition> {
  const { queued, paused } = (await webhooks.status()).queue;
  const isUsual = queued === 0 || paused === '';
  const message = isUsual ? '' : paused;
  return { type: 'webhooks', camera: '', state: isUsual ? 'fine' : 'waiting', reason: '', message, isUsual };
}
