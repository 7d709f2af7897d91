import { systemClock, type Clock } from '../base/clock.js';
import { createLogger, type Logger } from '../base/log.js';
import { ensureDataDir, resolveDataDir } from '../config/data-dir.js';
import { loadConfig } from '../config/load.js';
import { warnings } from '../config/rules.js';
import type { Config } from '../config/schema.js';
import { lockDataDir } from '../database/lock.js';
import { openStore, type Store } from '../database/store.js';
import { loadAddon } from '../native/addon.js';
import type { NativeAddon } from '../native/types.js';
import type { Closers } from './closers.js';
import { openTls, type TlsSetups } from './open-tls.js';

/** The parts that all other parts of the proxy use. */
export interface Base {
  readonly config: Config;
  /** Path of the configuration file; undefined: there is none. */
  readonly configPath: string | undefined;
  readonly dataDir: string;
  readonly logger: Logger;
  readonly store: Store;
  readonly addon: NativeAddon;
  readonly clock: Clock;
  readonly tls: TlsSetups | undefined;
  /** Aborted when the proxy stops. */
  readonly stopping: AbortController;
}

export interface BaseOptions {
  readonly configPath?: string | undefined;
  readonly dataDir?: string | undefined;
}

/** Reads the configuration, locks the data directory and opens the database. Throws failed_precondition. */
export function openBase(options: BaseOptions, closers: Closers): Base {
  const dataDir = resolveDataDir({ dataDir: options.dataDir, env: process.env });
  const { config, path: configPath } = loadConfig({ configPath: options.configPath, dataDir, env: process.env });
  const logger = createLogger({ mode: config.mode });
  logFatalErrors(logger);
  ensureDataDir(dataDir);
  const lock = lockDataDir(dataDir);
  closers.add(() => {
    lock.release();
  });
  const store = openStore(dataDir);
  closers.add(() => {
    store.close();
  });
  for (const warning of warnings(config)) logger.warn(warning);
  const addon = loadAddon();
  // Uses the addon's clock, which also stamps packet arrivals, so that frame ages are exact.
  const clock: Clock = { ...systemClock, nowMs: () => Math.floor(addon.wallUs() / 1000) };
  const tls = openTls(config, logger);
  closers.add(() => {
    tls?.close();
  });
  return { config, configPath, dataDir, logger, store, addon, clock, tls, stopping: new AbortController() };
}

/** An unhandled error ends the process, and the service manager starts it again. This logs why it ended. */
function logFatalErrors(logger: Logger): void {
  process.on('uncaughtExceptionMonitor', (error) => {
    logger.fatal({ err: error }, 'The proxy ends because of an unhandled error.');
  });
}
