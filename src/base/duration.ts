const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

const DURATION = /^(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+$/;

/** The forms that `parseDurationMs` accepts, for error messages. */
export const DURATION_FORMS = '30s, 5m, 2h, 1d, 1w, 500ms or a sum such as 1h30m';

/** Reads `30s`, `5m`, `2h`, `1d`, `1w`, `500ms` or `1h30m` as milliseconds. Undefined for any other text. */
export function parseDurationMs(text: string): number | undefined {
  if (!DURATION.test(text)) {
    return undefined;
  }
  let sumMs = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhdw])/g)) {
    sumMs += Number(amount) * (UNIT_MS[unit ?? ''] ?? 0);
  }
  return Number.isSafeInteger(Math.round(sumMs)) ? Math.round(sumMs) : undefined;
}
