import { Command } from 'commander';
import { resolveDataDir } from '../../config/data-dir.js';
import { loadConfig } from '../../config/load.js';
import { warnings } from '../../config/rules.js';
import type { Config } from '../../config/schema.js';
import { json } from '../format.js';
import type { Io } from '../io.js';

interface Options {
  readonly config?: string;
  readonly dataDir?: string;
  readonly json?: boolean;
}

export function configCommand(io: Io): Command {
  const config = new Command('config').description('about the configuration');
  config
    .command('check')
    .description('say what is wrong with the configuration, without starting anything')
    .option('--config <file>', 'the file; else CHRYSPROXY_CONFIG, else conf.yaml in the data directory')
    .option('--data-dir <folder>', 'the data directory; else CHRYSPROXY_DATA_DIR, else the usual one')
    .option('--json', 'print the configuration in force as JSON, without the password of Redis')
    .action((options: Options) => {
      check(io, options);
    });
  return config;
}

function check(io: Io, options: Options): void {
  const dataDir = resolveDataDir({ dataDir: options.dataDir, env: io.env });
  const { config, path } = loadConfig({ configPath: options.config, dataDir, env: io.env });
  const notes = warnings(config);
  if (options.json === true) {
    io.out(json({ file: path ?? null, dataDir, config: withoutSecrets(config), warnings: notes }));
    return;
  }
  io.out(
    path === undefined
      ? `There is no ${dataDir}/conf.yaml, so the defaults hold; nothing is wrong.\n`
      : `${path}: nothing is wrong.\n`,
  );
  for (const note of notes) {
    io.out(`Warning: ${note}\n`);
  }
}

function withoutSecrets(config: Config): Config {
  return { ...config, redis: { ...config.redis, password: config.redis.password === '' ? '' : '***' } };
}
