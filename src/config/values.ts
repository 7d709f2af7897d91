import { isIP } from 'node:net';
import { z } from 'zod';
import { DURATION_FORMS, parseDurationMs } from '../base/duration.js';

/** Schemas for types of values that several configuration keys use. The text of each refinement says what is allowed. */

const HOST_NAME =
  /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*$/;
const REDIS_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const SCALE_SIDE = /^(?:-[12]|[1-9]\d{0,4}|i[wh](?:[*/][1-9]\d{0,2})?)$/;
const CRON_NICKNAMES = ['@hourly', '@daily', '@midnight', '@weekly', '@monthly', '@yearly', '@annually'];
const CRON_FIELD = /^[\d*?LW#A-Za-z,/-]+$/;

export const text = z.string();
export const port = z.int().min(0).max(65535);
export const integer = (min: number, max: number): z.ZodInt => z.int().min(min).max(max);
/** 0 means that there is no limit. */
export const byteLimit = integer(0, Number.MAX_SAFE_INTEGER);

export const host = z
  .string()
  .refine((value) => isIP(value) !== 0 || HOST_NAME.test(value), 'an IP address or a host name, without a port');

export const hostAndPort = z
  .string()
  .refine((value) => value === '' || isHostAndPort(value), '"host:port", or "" for none');

export const httpUrl = z.string().refine(isHttpUrl, 'an http:// or https:// URL');

export const optionalHttpUrl = z
  .string()
  .refine((value) => value === '' || isHttpUrl(value), 'an http:// or https:// URL, or "" for none');

export const duration = z
  .string()
  .refine((value) => (parseDurationMs(value) ?? 0) > 0, `a duration such as ${DURATION_FORMS}`);

export const scale = z
  .string()
  .refine(isScale, '"width:height", each a number of pixels, -1 (keep the aspect), or a term such as iw, iw/2 or ih*2');

export const schedule = z
  .string()
  .refine(
    isSchedule,
    `"@every <duration>" (${DURATION_FORMS}), a cron pattern of 5 or 6 fields, or a name such as @hourly or @daily`,
  );

export const redisName = z
  .string()
  .refine((value) => REDIS_NAME.test(value), '1 to 64 of the characters A-Z a-z 0-9 . _ -');

function isHttpUrl(value: string): boolean {
  return /^https?:\/\//i.test(value) && URL.canParse(value);
}

function isHostAndPort(value: string): boolean {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(value);
  const name = match?.[1] ?? match?.[2] ?? '';
  const number = Number(match?.[3] ?? 0);
  return (isIP(name) !== 0 || HOST_NAME.test(name)) && number >= 1 && number <= 65535;
}

function isScale(value: string): boolean {
  const sides = value.split(':');
  return sides.length === 2 && sides.every((side) => SCALE_SIDE.test(side));
}

/** Checks the form only. The recorder's scheduler decides which times a cron pattern names. */
function isSchedule(value: string): boolean {
  if (CRON_NICKNAMES.includes(value.trim())) {
    return true;
  }
  const every = /^@every\s+(\S+)$/.exec(value.trim())?.[1];
  if (every !== undefined) {
    return (parseDurationMs(every) ?? 0) > 0;
  }
  const fields = value.trim().split(/\s+/);
  return (fields.length === 5 || fields.length === 6) && fields.every((field) => CRON_FIELD.test(field));
}
