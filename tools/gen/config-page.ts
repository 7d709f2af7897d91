import { documentedGroups, type DocumentedKey } from './config-keys.js';
import type { GeneratedFile } from './generated-file.js';
import { GENERATED_NOTE, table } from './markdown.js';

const HEAD = `${GENERATED_NOTE}

# Configuration

chrysproxy runs without a configuration. It reads the YAML file that \`--config\` names, else the file that \`CHRYSPROXY_CONFIG\` names, else \`conf.yaml\` in the data directory. [config/default.yaml](../../config/default.yaml) holds every key with its default; a file needs only the keys that differ.

An environment variable overrides a key of the file. Its name is \`CHRYSPROXY_\` and the path of the key in capitals, joined by \`_\`: \`CHRYSPROXY_GRPC_PORT\` sets \`grpc_port\`, \`CHRYSPROXY_BUFFER_ON_DISK\` sets \`buffer.on_disk\`. The items of a list are separated by commas: \`CHRYSPROXY_SOURCES_SCHEMES=rtsp,rtsps\`. An empty variable counts as not set.

An unknown key or variable, or a value that is not allowed, is an error, and the proxy does not start. \`chrysproxy config check\` lists all errors, each with its line.

The data directory is \`--data-dir\`, else \`CHRYSPROXY_DATA_DIR\`, else \`/data/chrysalis\` if it exists and is writable, else \`$XDG_DATA_HOME/chrysproxy\`, else \`~/.local/share/chrysproxy\`. It holds the database \`chrysproxy.db\`, which contains the passwords of the cameras and is readable by its owner only. One process can use a data directory at a time.
`;

/** docs/reference/config.md. */
export function configPage(): GeneratedFile {
  const sections = documentedGroups().map(({ name, description, keys }) => {
    const heading = name === '' ? '## Top level' : `## ${name}\n\n${description}`;
    const rows = keys.map((key) => [
      `\`${key.path.join('.')}\``,
      defaultText(key),
      key.allowed === undefined ? 'text' : code(key.allowed),
      key.description,
    ]);
    return `${heading}\n\n${table(['key', 'default', 'allowed', 'meaning'], rows)}\n`;
  });
  return { path: 'docs/reference/config.md', text: [HEAD, ...sections].join('\n') };
}

function defaultText({ defaultValue }: DocumentedKey): string {
  if (defaultValue === undefined) return 'unset';
  if (defaultValue === '') return 'empty';
  const items: unknown[] = [defaultValue].flat();
  return `\`${items.map(String).join(', ')}\``;
}

/** Angle brackets would be taken for HTML. */
function code(allowed: string): string {
  return allowed.replaceAll(/"[^"]*<[^"]*"/g, (quoted) => `\`${quoted.slice(1, -1)}\``);
}
