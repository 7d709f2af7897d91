import type { Argument, Command, Option } from 'commander';
import { tlsOptions, urlOption } from '../../src/cli/commands/options.js';
import { EXIT_TEXTS } from '../../src/cli/exit-codes.js';
import { processIo } from '../../src/cli/io.js';
import { createProgram, withSubcommands } from '../../src/cli/program.js';
import type { GeneratedFile } from './generated-file.js';
import { GENERATED_NOTE, table } from './markdown.js';

/** Options of every command that talks to a running proxy; the page lists them once. */
const PROXY_OPTIONS = [urlOption(), ...tlsOptions()];

/** The guide for a command, or for all its subcommands. */
const GUIDES: Readonly<Record<string, string>> = {
  'camera add': 'cameras.md',
  'camera record': 'recording.md',
  'camera passthrough': 'passthrough.md',
  'camera retry': 'cameras.md',
  annotations: 'annotations.md',
  clip: 'recording.md',
  cloud: 'annotations.md',
  export: 'recording.md',
  frames: 'frames.md',
  recordings: 'recording.md',
  redis: 'redis.md',
  webhooks: 'webhooks.md',
};

/** docs/reference/cli.md. */
export function cliPage(): GeneratedFile {
  const commands = withSubcommands(createProgram(processIo('chrysproxy'))).filter((one) => one.commands.length === 0);
  return { path: 'docs/reference/cli.md', text: [headText(), ...commands.map(sectionText)].join('\n') };
}

function headText(): string {
  return `${GENERATED_NOTE}

# The command line

\`chrysproxy\` stands for \`node bin/chrysproxy.js\`. Results go to standard output, messages and prompts to standard error. Passwords in URLs are masked in both. \`chrysproxy COMMAND --help\` prints the texts of this page.

Every command with the option \`--url\` talks to a running proxy over REST, and \`frames\` over gRPC as well. If the proxy uses [TLS](../guide/tls.md), the address begins with \`https://\`. These commands have the options:

${table(['option', 'meaning'], PROXY_OPTIONS.map(optionRow))}

While a command runs, every user of the machine can read the URLs on its command line (\`ps\`), and they stay in the history of the shell. To avoid this, give \`-\` instead, and the URL on standard input:

\`\`\`sh
chrysproxy camera add yard - < yard.url
\`\`\`

| exit code | meaning |
| --- | --- |
${Object.entries(EXIT_TEXTS)
  .map(([code, text]) => `| ${code} | ${text} |`)
  .join('\n')}
`;
}

function sectionText(command: Command): string {
  const path = pathOf(command);
  const usage = ['chrysproxy', path, ...command.registeredArguments.map(argumentText)].join(' ');
  const own = command.options.filter(({ flags }) => !PROXY_OPTIONS.some((option) => option.flags === flags));
  const guide = GUIDES[path] ?? GUIDES[path.split(' ')[0] ?? ''];
  const parts = [
    `## ${markdown(usage)}`,
    command.description().split('\n').map(markdown).join('\n'),
    ...(guide === undefined ? [] : [`Guide: [${guide.replace('.md', '')}](../guide/${guide}).`]),
    ...(command.registeredArguments.length === 0
      ? []
      : [table(['argument', 'meaning'], command.registeredArguments.map(argumentRow))]),
    ...(own.length === 0 ? [] : [table(['option', 'meaning'], own.map(optionRow))]),
    ...(own.length === command.options.length ? [] : ['Also `--url`, `--ca`, `--cert` and `--key`.']),
  ];
  return `${parts.join('\n\n')}\n`;
}

/** "camera add": the names of a command and its parents below the program. */
function pathOf(command: Command): string {
  const parent = command.parent;
  return parent?.parent ? `${pathOf(parent)} ${command.name()}` : command.name();
}

function argumentText(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
  return argument.required ? `<${name}>` : `[${name}]`;
}

function argumentRow(argument: Argument): string[] {
  return [`\`${argumentText(argument)}\``, withChoices(argument.description, argument.argChoices)];
}

function optionRow({ flags, description, argChoices, defaultValue, defaultValueDescription }: Option): string[] {
  const shown = defaultValueDescription ?? (typeof defaultValue === 'string' ? defaultValue : undefined);
  const text = withChoices(description, argChoices);
  return [`\`${flags}\``, shown === undefined ? text : `${text} Default: ${shown}.`];
}

function withChoices(description: string, choices: readonly string[] | undefined): string {
  return [markdown(description), ...(choices === undefined ? [] : [`One of ${choices.join(', ')}.`])].join(' ').trim();
}

/** Escapes what Markdown would take for HTML. Indented lines are code. */
function markdown(line: string): string {
  return line.startsWith('    ') ? line : line.replaceAll('<', String.raw`\<`);
}
