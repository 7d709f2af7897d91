import { messageOf } from '../base/errors.js';
import { NoAnswer, type EndpointAnswer } from '../cloud/endpoint.js';

/** The result of an attempt to send a batch. */
export type PostOutcome =
  | { readonly kind: 'accepted' }
  /** The endpoint will never accept this batch. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** The endpoint does not accept the keys. */
  | { readonly kind: 'forbidden'; readonly reason: string }
  /** `isReached`: the endpoint was reached, so the content of the batch may be the cause. */
  | { readonly kind: 'failed'; readonly reason: string; readonly retryAfterMs: number; readonly isReached: boolean };

/** 4xx statuses that can succeed later with the same batch. */
const RETRIED_STATUSES = [408, 429];
/** The endpoint was reached before it failed. */
const REACHED: readonly NoAnswer['failure'][] = ['timeout', 'broken_off'];

export interface OutcomeOptions {
  readonly shownUrl: string;
  /** Configuration key of the endpoint. */
  readonly endpointKey: string;
  readonly retryRefused: boolean;
}

export function outcomeOfAnswer(answer: EndpointAnswer, options: OutcomeOptions): PostOutcome {
  const { status, text, location, retryAfterMs } = answer;
  const reason = `${options.shownUrl} answered ${status}${text === '' ? '' : ` (${text})`}`;
  if (status >= 200 && status < 300) return { kind: 'accepted' };
  if (status === 401 || status === 403) {
    return { kind: 'forbidden', reason: `${reason}: it does not accept the edge key and secret of the settings` };
  }
  if (status >= 300 && status < 400) {
    const where = location === '' ? '' : ` to ${location}`;
    const advice = `redirects${where} are not followed; put the final address into ${options.endpointKey}`;
    return { kind: 'failed', reason: `${reason}: ${advice}`, retryAfterMs, isReached: false };
  }
  if (status >= 400 && status < 500 && !RETRIED_STATUSES.includes(status)) {
    return options.retryRefused
      ? { kind: 'failed', reason, retryAfterMs: 0, isReached: true }
      : { kind: 'refused', reason };
  }
  return { kind: 'failed', reason, retryAfterMs, isReached: true };
}

export function outcomeOfError(error: unknown, { shownUrl }: OutcomeOptions): PostOutcome {
  const why = error instanceof NoAnswer ? error.message : `the request cannot be sent (${messageOf(error)})`;
  const isReached = error instanceof NoAnswer && REACHED.includes(error.failure);
  return { kind: 'failed', reason: `${shownUrl}: ${why}`, retryAfterMs: 0, isReached };
}
