import { z } from 'zod';
import { allowedText } from '../../src/base/allowed.js';
import { KNOWN_KEYS, type KnownKey } from '../../src/config/keys.js';
import { configSchema } from '../../src/config/schema.js';

type Schema = z.core.$ZodType;

/** What the generated files say about a key or a group of keys. */
export interface Documented {
  /** Markdown; only backticks are used. */
  readonly description: string;
  /** A value for keys that have no default. */
  readonly example?: unknown;
}

export interface DocumentedKey extends Documented {
  readonly path: KnownKey['path'];
  /** Undefined for a key that has none. */
  readonly defaultValue: unknown;
  /** Undefined for free text, where every value is allowed. */
  readonly allowed: string | undefined;
}

export interface DocumentedGroup extends Documented {
  /** Empty for the group of keys at the top level. */
  readonly name: string;
  readonly keys: readonly DocumentedKey[];
}

/** The keys at the top level, then each group of keys, in the order of the schema. */
export function documentedGroups(): DocumentedGroup[] {
  const shape = configSchema.shape as Readonly<Record<string, Schema>>;
  const defaults: unknown = configSchema.parse({});
  const names = [...new Set(KNOWN_KEYS.map(({ path }) => (path.length === 1 ? '' : (path[0] ?? ''))))];
  return names.map((name) => ({
    name,
    ...(name === '' ? { description: '' } : documentationOf(name, shape[name])),
    keys: KNOWN_KEYS.filter(({ path }) => (path.length === 1 ? '' : path[0]) === name).map((key) => ({
      path: key.path,
      ...documentationOf(key.path.join('.'), key.schema),
      defaultValue: valueAt(defaults, key.path),
      allowed: allowedValues(key.schema),
    })),
  }));
}

function documentationOf(name: string, schema: Schema | undefined): Documented {
  const { description, examples } = (schema && z.globalRegistry.get(schema)) ?? {};
  if (description === undefined) {
    throw new Error(`src/config/schema.ts: ${name} has no description; add one with .meta({ description }).`);
  }
  return { description, example: Array.isArray(examples) ? (examples[0] as unknown) : undefined };
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((at, part) => (at as Record<string, unknown>)[part], value);
}

/** The range or the list of values that the schema accepts, in words; undefined for free text. */
function allowedValues(schema: Schema): string | undefined {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional) return allowedValues(schema.unwrap());
  if (schema instanceof z.ZodNumber) return rangeOf(schema);
  if (schema instanceof z.ZodArray) return `a list with any of ${valuesOf(schema.element).join(', ')}`;
  if (schema instanceof z.ZodUnion) return listed(schema.options.flatMap((option) => valuesOf(option)));
  if (schema instanceof z.ZodEnum || schema instanceof z.ZodBoolean) return listed(valuesOf(schema));
  // No refined text accepts a control character, and the error says what would have been allowed.
  const [issue] = z.safeParse(schema, '\u0000').error?.issues ?? [];
  return issue === undefined ? undefined : allowedText(issue);
}

function valuesOf(schema: Schema): string[] {
  if (schema instanceof z.ZodBoolean) return ['true', 'false'];
  if (schema instanceof z.ZodEnum) return schema.options.map(String);
  return [schema instanceof z.ZodString ? 'text' : 'a number'];
}

function listed(values: readonly string[]): string {
  return [values.slice(0, -1).join(', '), values.at(-1)].join(' or ');
}

function rangeOf({ minValue, maxValue }: z.ZodNumber): string {
  const isOpen = maxValue === null || maxValue === Number.MAX_SAFE_INTEGER;
  return isOpen ? `${minValue ?? 0} or more` : `${minValue ?? 0} to ${maxValue}`;
}
