import { join } from 'node:path';
import { ClipStore } from './clips.js';
import { openDatabase, type DatabaseSchema } from './database.js';
import { FrameIds } from './frame-ids.js';
import { APPLICATION_ID, MIGRATIONS } from './migrations.js';
import { CameraRegistry } from './registry.js';
import { SettingsStore } from './settings.js';

export const DATABASE_FILE = 'chrysproxy.db';

const SCHEMA: DatabaseSchema = {
  applicationId: APPLICATION_ID,
  migrations: MIGRATIONS,
  synchronous: 'FULL',
  adviceIfDamaged: 'move it away to start without cameras',
};

/**
 * The cameras, settings, frame ids and clips. Main thread only. Every call is synchronous, and every change is durable when
 * the call returns.
 */
export interface Store {
  readonly path: string;
  readonly cameras: CameraRegistry;
  readonly settings: SettingsStore;
  readonly frameIds: FrameIds;
  readonly clips: ClipStore;
  close(): void;
}

/** Opens the database in the data directory. Throws like openDatabase. */
export function openStore(dataDir: string): Store {
  const path = join(dataDir, DATABASE_FILE);
  const database = openDatabase(path, SCHEMA);
  return {
    path,
    cameras: new CameraRegistry(database),
    settings: new SettingsStore(database),
    frameIds: new FrameIds(database),
    clips: new ClipStore(database),
    close: () => {
      database.close();
    },
  };
}
