import { z } from 'zod';

import type { LearnedFacts } from '../native/types.js';

const MAX_PIXELS_PER_SIDE = 65_535;
const MAX_GAP_MS = 600_000;

const text = (maxCharacters: number) => z.string().max(maxCharacters).catch('');
const flag = z.boolean().catch(false);
const number = (max: number) => z.number().min(0).max(max).catch(0);

/** A missing or invalid field counts as not learnt, so that the other fields stay valid when this list changes. */
const learnedFacts = z.object({
  transport: z.enum(['', 'tcp', 'udp', 'multicast']).catch(''),
  keepalive: z.enum(['', 'GET_PARAMETER', 'OPTIONS', 'SET_PARAMETER']).catch(''),
  authentication: text(64),
  withoutReceiverReports: flag,
  marksEverySlice: flag,
  sequenceUnreliable: flag,
  jpegWidth: number(MAX_PIXELS_PER_SIDE),
  jpegHeight: number(MAX_PIXELS_PER_SIDE),
  usualGapMs: number(MAX_GAP_MS),
  certificate: z
    .string()
    .regex(/^(?:[0-9a-f]{64})?$/i)
    .catch(''),
  session: text(512),
  sessionUrl: text(4096),
  silentTcpSessions: number(1_000_000),
  endedAfterMs: number(Number.MAX_SAFE_INTEGER),
});

/** Parses the column of the registry; undefined: it is empty or invalid. */
export function parseLearned(json: string | null | undefined): LearnedFacts | undefined {
  if (json === null || json === undefined) return undefined;
  try {
    return checkedLearned(JSON.parse(json));
  } catch {
    return undefined;
  }
}

/** Limits the length and range of each field, because a camera may have chosen its value; undefined: not an object. */
export function checkedLearned(value: unknown): LearnedFacts | undefined {
  return learnedFacts.safeParse(value).data;
}

export function learnedText(facts: LearnedFacts): string {
  return JSON.stringify(facts);
}
