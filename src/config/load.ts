import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { z } from 'zod';
import { allowedText, shownValue } from '../base/allowed.js';
import { ChrysError, messageOf } from '../base/errors.js';
import { didYouMean } from '../base/suggest.js';
import { readOverrides, type Environment } from './environment.js';
import { KNOWN_KEYS, keysUnder, type KeyPath } from './keys.js';
import { configSchema, type Config } from './schema.js';
import { parseConfigFile, type ConfigFile } from './yaml-file.js';

type ParsedConfig = z.output<typeof configSchema>;

export interface LoadOptions {
  /** A file that must exist. Default: CHRYSPROXY_CONFIG, otherwise `conf.yaml` in the data directory if it exists. */
  readonly configPath?: string | undefined;
  readonly dataDir: string;
  readonly env: Environment;
}

export interface LoadedConfig {
  readonly config: Config;
  /** The file that was read; undefined when there was none. */
  readonly path: string | undefined;
}

/**
 * Applies the defaults, then the file, then the environment. Throws an invalid_argument error that lists every problem,
 * one per line: where, which value, and what is allowed.
 */
export function loadConfig(options: LoadOptions): LoadedConfig {
  const path = configFileOf(options);
  const file = path === undefined ? undefined : parseConfigFile(path, readConfigFile(path));
  const overrides = readOverrides(options.env);
  const problems = [...(file?.problems ?? []), ...overrides.problems];

  const input = file?.values ?? {};
  const variables = new Map<string, string>();
  for (const { key, value } of overrides.values) {
    setAt(input, key.path, value);
    variables.set(key.path.join('.'), key.variable);
  }
  const result = configSchema.safeParse(input);
  const whereIs = (at: KeyPath): string => variables.get(at.join('.')) ?? file?.whereIs(at) ?? '';
  problems.push(...(result.error?.issues.flatMap((issue) => describe(issue, input, whereIs)) ?? []));
  if (result.success) {
    problems.push(...contradictions(result.data, whereIs));
  }
  if (!result.success || problems.length > 0) {
    throw problemsError(problems);
  }
  return { config: deepFreeze(withAbsolutePaths(result.data, options.dataDir)), path };
}

function problemsError(problems: readonly string[]): ChrysError {
  const head =
    problems.length === 1 ? 'The configuration has a problem:' : `The configuration has ${problems.length} problems:`;
  return new ChrysError('invalid_argument', [head, ...problems.map((problem) => `  ${problem}`)].join('\n'));
}

/** Relative paths start in the data directory, so that they do not depend on where the proxy was started. */
function withAbsolutePaths(config: ParsedConfig, dataDir: string): ParsedConfig {
  const absolute = (path: string): string => (path === '' ? '' : resolve(dataDir, path));
  const { tls, buffer } = config;
  return {
    ...config,
    tls: { ...tls, cert: absolute(tls.cert), key: absolute(tls.key), client_ca: absolute(tls.client_ca) },
    buffer: { ...buffer, on_disk_folder: resolve(dataDir, buffer.on_disk_folder ?? 'archive') },
  };
}

function configFileOf(options: LoadOptions): string | undefined {
  const named = options.configPath ?? options.env['CHRYSPROXY_CONFIG'];
  if (named !== undefined && named !== '') {
    return resolve(named);
  }
  const inDataDir = join(options.dataDir, 'conf.yaml');
  return existsSync(inDataDir) ? inDataDir : undefined;
}

function readConfigFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ChrysError('invalid_argument', `The configuration file ${path} cannot be read: ${messageOf(error)}.`, {
      cause: error,
    });
  }
}

function describe(issue: z.core.$ZodIssue, input: unknown, whereIs: (path: KeyPath) => string): string[] {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((name) => {
      const at = [...path, name];
      return `${prefix(whereIs(at))}${at.join('.')} is not a known key.${suggestion(name, path)}`;
    });
  }
  const key = path.join('.') || 'The file';
  const shown = shownValue(key, valueAt(input, path));
  return [`${prefix(whereIs(path))}${key}: ${shown} is not allowed; allowed is ${allowedText(issue)}.`];
}

function suggestion(name: string, group: KeyPath): string {
  const here = didYouMean(name, keysUnder(group));
  if (here !== '') {
    return here;
  }
  const elsewhere = KNOWN_KEYS.find((key) => key.path.at(-1) === name || key.path.join('_') === name);
  if (elsewhere !== undefined) {
    return ` Did you mean "${elsewhere.path.join('.')}"?`;
  }
  const known = keysUnder(group);
  return known.length === 0 ? '' : ` Known here: ${known.join(', ')}.`;
}

/** Problems that arise from the values of several keys together. */
function contradictions(config: ParsedConfig, whereIs: (path: KeyPath) => string): string[] {
  const found: string[] = [];
  const { port, grpc_port: grpcPort, tls } = config;
  if (port !== 0 && port === grpcPort) {
    const place = prefix(whereIs(['grpc_port']) || whereIs(['port']));
    found.push(`${place}port and grpc_port are both ${port}; give them different ports.`);
  }
  if ((tls.cert === '') !== (tls.key === '')) {
    const [present, missing] = tls.cert === '' ? (['key', 'cert'] as const) : (['cert', 'key'] as const);
    found.push(`${prefix(whereIs(['tls', present]))}tls.${present} is set and tls.${missing} is not; TLS needs both.`);
  }
  if (tls.require_client_cert !== false && (tls.client_ca === '' || tls.cert === '')) {
    const place = prefix(whereIs(['tls', 'require_client_cert']));
    const missing = tls.cert === '' ? 'tls.cert and tls.key' : 'tls.client_ca, the CA of the client certificates';
    found.push(`${place}tls.require_client_cert is ${tls.require_client_cert} and needs ${missing}.`);
  }
  return found;
}

function prefix(where: string): string {
  return where === '' ? '' : `${where}: `;
}

function setAt(target: ConfigFile['values'], path: KeyPath, value: unknown): void {
  let group = target;
  for (const name of path.slice(0, -1)) {
    const next = group[name];
    if (typeof next === 'object' && next !== null && !Array.isArray(next)) {
      group = next as ConfigFile['values'];
    } else {
      const created: ConfigFile['values'] = {};
      group[name] = created;
      group = created;
    }
  }
  group[path.at(-1) ?? ''] = value;
}

function valueAt(value: unknown, path: KeyPath): unknown {
  return path.reduce<unknown>(
    (at, name) => (typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[name] : undefined),
    value,
  );
}

function deepFreeze(config: ParsedConfig): Config {
  for (const value of Object.values(config)) {
    if (typeof value === 'object') {
      for (const inner of Object.values(value)) {
        Object.freeze(inner);
      }
      Object.freeze(value);
    }
  }
  return Object.freeze(config);
}
