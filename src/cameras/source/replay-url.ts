import { ChrysError } from '../../base/errors.js';
import { checkCameraName } from '../camera-name.js';

/** The range of a replay. Times in milliseconds since the epoch, inclusive. */
export interface ReplayRange {
  readonly camera: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** 1 = original speed. */
  readonly speed: number;
  readonly loop: boolean;
}

export const REPLAY_FORM = 'replay:CAMERA?from=<ms>&to=<ms>[&speed=2][&loop=true]';

export const MIN_SPEED = 0.1;
export const MAX_SPEED = 16;
const MAX_RANGE_MS = 24 * 3_600_000;
const PARAMETERS = ['from', 'to', 'speed', 'loop'];

/** The stored and displayed form of a replay. */
export function replayUrl({ camera, fromMs, toMs, speed, loop }: ReplayRange): string {
  return `replay:${camera}?from=${fromMs}&to=${toMs}${speed === 1 ? '' : `&speed=${speed}`}${loop ? '&loop=true' : ''}`;
}

/** Throws invalid_argument with the reason. */
export function parseReplayUrl(text: string): ReplayRange {
  const [name = '', query = ''] = text.slice('replay:'.length).split('?', 2);
  const camera = checkCameraName(name);
  const given = new URLSearchParams(query);
  const unknown = [...given.keys()].find((key) => !PARAMETERS.includes(key));
  if (unknown !== undefined) throw refused(`has a parameter "${unknown.slice(0, 32)}"`);
  const fromMs = momentOf(given, 'from');
  const toMs = momentOf(given, 'to');
  if (toMs <= fromMs) throw refused('ends before it begins: "to" must be later than "from"');
  if (toMs - fromMs > MAX_RANGE_MS) throw refused('is longer than 24 hours');
  const speed = Number(given.get('speed') ?? 1);
  if (!(speed >= MIN_SPEED && speed <= MAX_SPEED)) {
    throw refused(`has a speed that is not ${MIN_SPEED} to ${MAX_SPEED}`);
  }
  const loop = given.get('loop') ?? 'false';
  if (loop !== 'true' && loop !== 'false') throw refused('has a loop that is neither true nor false');
  return { camera, fromMs, toMs, speed, loop: loop === 'true' };
}

function momentOf(given: URLSearchParams, name: string): number {
  const text = given.get(name) ?? '';
  if (!/^\d{1,15}$/.test(text)) throw refused(`needs "${name}" in milliseconds since the epoch`);
  return Number(text);
}

function refused(what: string): ChrysError {
  return new ChrysError('invalid_argument', `The replay ${what}; the form is ${REPLAY_FORM}.`);
}
