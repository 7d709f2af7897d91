/** The steps of the schema, oldest first. A released step is never edited: a change is a new step. */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE cameras (
    name TEXT PRIMARY KEY NOT NULL,
    rtsp_endpoint TEXT NOT NULL,
    rtmp_endpoint TEXT,
    transport TEXT NOT NULL,
    open_timeout_ms INTEGER NOT NULL,
    stall_timeout_ms INTEGER NOT NULL,
    decoder_threads INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE settings (
    name TEXT PRIMARY KEY NOT NULL,
    edge_key TEXT NOT NULL,
    edge_secret TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL
  ) STRICT;
  `,
  `
  CREATE TABLE frame_ids (
    camera TEXT PRIMARY KEY NOT NULL,
    next INTEGER NOT NULL
  ) STRICT;
  `,
  `
  ALTER TABLE cameras ADD COLUMN record INTEGER;
  ALTER TABLE cameras ADD COLUMN record_audio INTEGER NOT NULL DEFAULT 0;

  CREATE TABLE clips (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    camera TEXT NOT NULL,
    name TEXT NOT NULL,
    from_ms INTEGER NOT NULL,
    to_ms INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    UNIQUE (camera, name)
  ) STRICT;
  `,
  `
  ALTER TABLE cameras ADD COLUMN passthrough INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE cameras ADD COLUMN storage INTEGER;
  ALTER TABLE cameras ADD COLUMN storing INTEGER;
  ALTER TABLE cameras ADD COLUMN storing_ms INTEGER;
  `,
  // Cameras with 'tcp' get the new default 'auto', because 'tcp' was the old default and rarely chosen.
  `
  ALTER TABLE cameras ADD COLUMN tls_verify TEXT NOT NULL DEFAULT 'pin';
  ALTER TABLE cameras ADD COLUMN max_pixels INTEGER;
  ALTER TABLE cameras ADD COLUMN learned TEXT;
  UPDATE cameras SET transport = 'auto' WHERE transport = 'tcp';
  `,
];

/** "Chry". */
export const APPLICATION_ID = 0x43687279;
