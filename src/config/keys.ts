import { z } from 'zod';
import { configSchema } from './schema.js';

export type KeyPath = readonly string[];

export interface KnownKey {
  /** From the top level: `['buffer', 'on_disk']`. */
  readonly path: KeyPath;
  readonly schema: z.core.$ZodType;
  /** The environment variable that overrides the key: `CHRYSPROXY_BUFFER_ON_DISK`. */
  readonly variable: string;
}

export const VARIABLE_PREFIX = 'CHRYSPROXY_';

/** Every key with a value, in the order of the schema. */
export const KNOWN_KEYS: readonly KnownKey[] = leavesOf(configSchema, []);

/** The keys directly below `path`; empty when there is no such group. */
export function keysUnder(path: KeyPath): string[] {
  const below = KNOWN_KEYS.filter((key) => path.every((part, index) => key.path[index] === part));
  return [...new Set(below.flatMap((key) => key.path.slice(path.length, path.length + 1)))];
}

function leavesOf(schema: z.core.$ZodType, path: KeyPath): KnownKey[] {
  const inner = schema instanceof z.ZodPrefault ? schema.unwrap() : schema;
  if (inner instanceof z.ZodObject) {
    const shape = inner.shape as Readonly<Record<string, z.core.$ZodType>>;
    return Object.entries(shape).flatMap(([name, child]) => leavesOf(child, [...path, name]));
  }
  return [{ path, schema, variable: VARIABLE_PREFIX + path.join('_').toUpperCase() }];
}
