import { z } from 'zod';
import { parse } from 'yaml';
import { didYouMean } from '../base/suggest.js';
import { KNOWN_KEYS, VARIABLE_PREFIX, type KnownKey } from './keys.js';

/** Variables that are not configuration keys. */
const RESERVED = [
  'CHRYSPROXY_DATA_DIR',
  'CHRYSPROXY_CONFIG',
  'CHRYSPROXY_URL',
  'CHRYSPROXY_CA',
  'CHRYSPROXY_CERT',
  'CHRYSPROXY_KEY',
  'CHRYSPROXY_NATIVE_ADDON',
  'CHRYSPROXY_NATIVE_BUILD',
];

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Overrides {
  readonly values: readonly { readonly key: KnownKey; readonly value: unknown }[];
  readonly problems: readonly string[];
}

/** The configuration keys that environment variables set. An empty variable counts as not set. */
export function readOverrides(environment: Environment): Overrides {
  const byVariable = new Map(KNOWN_KEYS.map((key) => [key.variable, key]));
  const values: { key: KnownKey; value: unknown }[] = [];
  const problems: string[] = [];
  for (const [variable, raw] of Object.entries(environment)) {
    if (!variable.startsWith(VARIABLE_PREFIX) || RESERVED.includes(variable) || raw === undefined || raw === '') {
      continue;
    }
    const key = byVariable.get(variable);
    if (key === undefined) {
      const known = [...byVariable.keys(), ...RESERVED];
      problems.push(`environment: ${variable} is not a known variable.${didYouMean(variable, known)}`);
    } else {
      values.push({ key, value: valueOf(key, raw) });
    }
  }
  return { values, problems };
}

/** Interprets the value as text, as a YAML scalar, or as a list: whichever the key's schema accepts first. */
function valueOf(key: KnownKey, raw: string): unknown {
  const readings: unknown[] = [raw, scalar(raw), raw.split(',').map((item) => item.trim())];
  return readings.find((reading) => z.safeParse(key.schema, reading).success) ?? scalar(raw);
}

function scalar(raw: string): unknown {
  try {
    const value: unknown = parse(raw);
    return typeof value === 'object' ? raw : value;
  } catch {
    return raw;
  }
}
