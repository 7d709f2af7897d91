import { isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import type { KeyPath } from './keys.js';

export interface ConfigFile {
  readonly values: Record<string, unknown>;
  /** Errors in the YAML text, each with its line. */
  readonly problems: readonly string[];
  /** `conf.yaml line 3` for a key in the file, '' for a missing key. */
  whereIs(path: KeyPath): string;
}

/** Parses the text of a configuration file. A key without a value (`redis:`) counts as missing. */
export function parseConfigFile(path: string, text: string): ConfigFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const lineOf = (offset: number): string => `${path} line ${lines.linePos(offset).line}`;
  const problems = document.errors.map((error) => `${lineOf(error.pos[0])}: ${error.message}.`);

  const content: unknown = problems.length === 0 ? withoutNulls(document.toJS()) : {};
  const usable = typeof content === 'object' && content !== null && !Array.isArray(content);
  if (!usable && content !== undefined) {
    problems.push(`${path}: The file must have lines of the form "key: value".`);
  }

  const whereIs = (keyPath: KeyPath): string => {
    let node: unknown = document.contents;
    let offset: number | undefined;
    for (const name of keyPath) {
      const pair = isMap(node)
        ? node.items.find((item) => isScalar(item.key) && String(item.key.value) === name)
        : undefined;
      if (pair === undefined) {
        break;
      }
      offset = isScalar(pair.key) ? pair.key.range?.[0] : undefined;
      node = pair.value;
    }
    return offset === undefined ? '' : lineOf(offset);
  };
  return { values: usable ? (content as Record<string, unknown>) : {}, problems, whereIs };
}

function withoutNulls(value: unknown): unknown {
  if (value === null || value === undefined) {
    return undefined;
  }
  if (Array.isArray(value) || typeof value !== 'object') {
    return value;
  }
  const kept = Object.entries(value)
    .map(([key, inner]): [string, unknown] => [key, withoutNulls(inner)])
    .filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(kept);
}
