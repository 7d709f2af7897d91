// Reads the part of the Dockerfile language that this project uses; anything else is an error, so that what is proven
// is what Docker would do.
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
    const [, instruction, rest] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? fail(`cannot read '${line}'`);
    if (instruction === 'FROM') {
      const [, image, name] = /^(\S+)(?: AS (\S+))?$/.exec(rest) ?? fail(`cannot read '${line}'`);
      stages.push({ image, name: name ?? String(stages.length), steps: [] });
      continue;
    }
    const options = {};
    let text = rest;
    for (let option; (option = /^--([a-z-]+)=(\S+)\s+/.exec(text)) !== null; text = text.slice(option[0].length)) {
      options[option[1]] = option[2];
    }
    (stages.at(-1) ?? fail('the first instruction has to be FROM')).steps.push({ instruction, options, text });
  }
  return stages;
}

/** An exec form, ["a", "b"], as an array. A shell form is refused: signals would not reach the program. */
export function execForm(text) {
  return text.startsWith('[') ? JSON.parse(text) : fail(`'${text}' is not in the exec form ["program", "argument"]`);
}

/** Tells of a path of the build context whether .dockerignore leaves it out. The last pattern that matches decides. */
export function readDockerignore(path) {
  const rules = readFileSync(path, 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ ignores: !line.startsWith('!'), pattern: patternOf(line.replace(/^!/, '')) }));
  return (file) => rules.findLast(({ pattern }) => pattern.test(file))?.ignores ?? false;
}

/** `*` is any part of one name, a leading `**` any number of folders; what matches a folder matches all that is in it. */
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
