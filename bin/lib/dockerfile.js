// Parses the part of the Dockerfile language that this project uses. Anything else is an error, so that the result does not
// differ from Docker's.
import { readFileSync } from 'node:fs';

/**
 * The stages of a Dockerfile, each { image, name, steps: [{ instruction, options, text }] }.
 * `options` are the --name=value words before the text.
 */
export function readDockerfile(path) {
  const stages = [];
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => !/^\s*(#|$)/.test(line))
    .join('\n')
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n');
  for (const line of lines) {
    const [, instruction, rest] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? fail(`Cannot parse '${line}'.`);
    if (instruction === 'FROM') {
      const [, image, name] = /^(\S+)(?: AS (\S+))?$/.exec(rest) ?? fail(`Cannot parse '${line}'.`);
      stages.push({ image, name: name ?? String(stages.length), steps: [] });
      continue;
    }
    const options = {};
    let text = rest;
    for (let option; (option = /^--([a-z-]+)=(\S+)\s+/.exec(text)) !== null; text = text.slice(option[0].length)) {
      options[option[1]] = option[2];
    }
    (stages.at(-1) ?? fail('The first instruction must be FROM.')).steps.push({ instruction, options, text });
  }
  return stages;
}

/** Parses the exec form ["program", "argument"]. Refuses the shell form, because signals would not reach the program. */
export function execForm(text) {
  return text.startsWith('[') ? JSON.parse(text) : fail(`'${text}' is not in the exec form ["program", "argument"].`);
}

/** Returns a function that tells whether .dockerignore excludes a path of the build context. The last match decides. */
export function readDockerignore(path) {
  const rules = readFileSync(path, 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ ignores: !line.startsWith('!'), pattern: patternOf(line.replace(/^!/, '')) }));
  return (file) => rules.findLast(({ pattern }) => pattern.test(file))?.ignores ?? false;
}

/** `*` matches within one name, a leading `**` any number of folders. A match of a folder includes its content. */
function patternOf(glob) {
  const source = glob
    .replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
    .replaceAll('**/', '\0')
    .replaceAll('*', '[^/]*')
    .replaceAll('\0', '(.*/)?');
  return new RegExp(`^${source}(/.*)?$`);
}

function fail(message) {
  throw new Error(`Dockerfile: ${message}`);
}
