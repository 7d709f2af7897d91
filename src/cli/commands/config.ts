import { Command } from 'commander';
import { resolveDataDir } from '../../config/data-dir.js';
import { loadConfig } from '../../config/load.js';
import { warnings } from '../../config/rules.js';
import type { Config } from '../../config/schema.js';
import { json } from '../format.js';
import type { Io } from '../io.js';
import { CONFIG_HELP, DATA_DIR_HELP } from './start.js';

interface Options {
  readonly config?: string;
  readonly dataDir?: string;
  readonly json?: boolean;
}

export function configCommand(io: Io): Command {
  const config = new Command('config').description('Checks the configuration.');
  config
    .command('check')
    .summary('Prints every error in the configuration.')
    .description(
      'Prints every error in the configuration, with its line and the nearest known key. Starts and creates nothing. Warnings ' +
        'do not change the exit code.',
    )
    .option('--config <file>', CONFIG_HELP)
    .option('--data-dir <folder>', DATA_DIR_HELP)
    .option(
      '--json',
      'Prints the configuration in use as JSON: file (null: none), dataDir, config, warnings. The Redis password is masked.',
    )
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
      ? `There is no ${dataDir}/conf.yaml, so the defaults are used; nothing is wrong.\n`
      : `${path}: nothing is wrong.\n`,
  );
  for (const note of notes) {
    io.out(`Warning: ${note}\n`);
  }
}

function withoutSecrets(config: Config): Config {
  return { ...config, redis: { ...config.redis, password: config.redis.password === '' ? '' : '***' } };
}
