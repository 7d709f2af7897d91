import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LearnedFacts } from '../../../src/native/types.js';
import type { CameraDefinition } from '../../../src/database/camera-definition.js';
import { APPLICATION_ID, MIGRATIONS } from '../../../src/database/migrations.js';
import { DATABASE_FILE, openStore, type Store } from '../../../src/database/store.js';

let dataDir: string;
let path: string;
const opened: Store[] = [];

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'chrysproxy-store-'));
  path = join(dataDir, DATABASE_FILE);
});
afterEach(() => {
  for (const store of opened.splice(0)) {
    store.close();
  }
  rmSync(dataDir, { recursive: true });
});

function open(): Store {
  const store = openStore(dataDir);
  opened.push(store);
  return store;
}

const camera: CameraDefinition = {
  name: 'yard',
  rtspEndpoint: 'rtsp://admin:geheim@cam/1',
  rtmpEndpoint: 'rtmp://cloud/live/key',
  transport: 'udp',
  tlsVerify: 'pin',
  openTimeoutMs: 1000,
  stallTimeoutMs: 2000,
  decoderThreads: 3,
  recordAudio: false,
  createdMs: 1_700_000_000_123,
  modifiedMs: 1_700_000_000_456,
};

const LEARNED: LearnedFacts = {
  transport: 'udp',
  keepalive: 'OPTIONS',
  authentication: 'Digest SHA-256',
  withoutReceiverReports: true,
  marksEverySlice: false,
  sequenceUnreliable: true,
  jpegWidth: 2560,
  jpegHeight: 1440,
  usualGapMs: 4000,
  silentTcpSessions: 1,
  endedAfterMs: 12_000,
  certificate: 'ab'.repeat(32),
  session: '4711',
  sessionUrl: 'rtsp://cam/1/',
};

function sql<T>(use: (database: Database.Database) => T): T {
  const database = new Database(path);
  try {
    return use(database);
  } finally {
    database.close();
  }
}

describe('the registry', () => {
  it('keeps a camera across a restart', () => {
    const store = open();
    const plain: CameraDefinition = { ...camera, name: 'door', transport: 'tcp', createdMs: 1 };
    delete (plain as { rtmpEndpoint?: string }).rtmpEndpoint;
    store.cameras.insert(camera);
    store.cameras.insert(plain);
    opened.pop()?.close();

    const again = open();
    expect(again.cameras.list()).toEqual([plain, camera]);
    expect(again.cameras.get('yard')).toEqual(camera);
    expect(again.cameras.get('nobody')).toBeUndefined();
  });

  it('keeps the settings of passthrough and storage, and the last answer of the cloud', () => {
    const store = open();
    store.cameras.insert(camera);
    const changed: CameraDefinition = {
      ...camera,
      rtmpEndpoint: 'rtmp://cloud/live/other',
      passthrough: true,
      storage: false,
      storing: { on: true, sinceMs: 5 },
    };
    store.cameras.update(changed);
    opened.pop()?.close();
    expect(open().cameras.get('yard')).toEqual(changed);
  });

  it('refuses a name twice', () => {
    const store = open();
    store.cameras.insert(camera);
    expect(() => {
      store.cameras.insert(camera);
    }).toThrow(expect.objectContaining({ kind: 'already_exists', message: expect.stringContaining('"yard"') }));
    expect(store.cameras.list()).toHaveLength(1);
  });

  it('keeps the connection settings of a camera', () => {
    const store = open();
    store.cameras.insert({ ...camera, maxPixels: 1_000_000 });
    const changed: CameraDefinition = { ...camera, transport: 'auto', tlsVerify: 'none', maxPixels: 2_000_000 };
    store.cameras.update(changed);
    expect(store.cameras.get('yard')).toEqual(changed);
    store.cameras.update(camera);
    expect(store.cameras.get('yard')).toEqual(camera);
  });

  it('keeps the learned facts of a camera until it is removed', () => {
    const store = open();
    store.cameras.insert(camera);
    expect(store.cameras.learned('yard')).toBeUndefined();
    store.cameras.learn('yard', LEARNED);
    store.cameras.update({ ...camera, record: true });
    opened.pop()?.close();

    const { cameras } = open();
    expect(cameras.learned('yard')).toEqual(LEARNED);
    cameras.learn('nobody', LEARNED);
    expect(cameras.learned('nobody')).toBeUndefined();
    cameras.remove('yard');
    cameras.insert(camera);
    expect(cameras.learned('yard')).toBeUndefined();
    cameras.learn('yard', LEARNED);
    cameras.learn('yard', undefined);
    expect(cameras.learned('yard')).toBeUndefined();
  });

  it.each(['{', '[]', '7', 'null', '"x"'])('ignores learned facts that are invalid (%s)', (text) => {
    const store = open();
    store.cameras.insert(camera);
    sql((database) => database.prepare('UPDATE cameras SET learned = ?').run(text));
    expect(store.cameras.learned('yard')).toBeUndefined();
  });

  it('keeps the other learned facts when some are missing, invalid or too long', () => {
    const store = open();
    store.cameras.insert(camera);
    const odd = {
      ...LEARNED,
      transport: 'pigeon',
      usualGapMs: '40',
      session: 'x'.repeat(10_000),
      news: 1,
      keepalive: undefined,
    };
    sql((database) => database.prepare('UPDATE cameras SET learned = ?').run(JSON.stringify(odd)));
    const kept = { ...LEARNED, transport: '', usualGapMs: 0, session: '', keepalive: '' };
    expect(store.cameras.learned('yard')).toEqual(kept);
  });

  it('gives cameras with the old default of transport the new default', () => {
    sql((database) => {
      for (const step of MIGRATIONS.slice(0, 4)) database.exec(step);
      database.pragma('user_version = 4');
      database.pragma(`application_id = ${APPLICATION_ID}`);
      for (const transport of ['tcp', 'udp']) {
        database.exec(
          `INSERT INTO cameras (name, rtsp_endpoint, transport, open_timeout_ms, stall_timeout_ms, decoder_threads, created_ms,
            modified_ms) VALUES ('${transport}', 'rtsp://cam/1', '${transport}', 1000, 1000, 1, 1, 1)`,
        );
      }
    });
    const { cameras } = open();
    expect(cameras.get('tcp')).toMatchObject({ transport: 'auto', tlsVerify: 'pin' });
    expect(cameras.get('tcp')).not.toHaveProperty('maxPixels');
    expect(cameras.get('udp')).toMatchObject({ transport: 'udp', tlsVerify: 'pin' });
    // After the migration, 'tcp' is an explicit setting.
    cameras.insert({ ...camera, name: 'new', transport: 'tcp' });
    expect(cameras.get('new')?.transport).toBe('tcp');
  });

  it('keeps whether and how a camera is recorded', () => {
    const store = open();
    store.cameras.insert(camera);
    const recorded = { ...camera, record: false, recordAudio: true, modifiedMs: camera.modifiedMs + 1 };
    store.cameras.update(recorded);
    expect(store.cameras.get('yard')).toEqual(recorded);
    store.cameras.update(camera);
    expect(store.cameras.get('yard')).toEqual(camera);
  });

  it('removes a camera and returns whether there was one', () => {
    const store = open();
    store.cameras.insert(camera);
    expect(store.cameras.remove('yard')).toBe(true);
    expect(store.cameras.remove('yard')).toBe(false);
    expect(store.cameras.list()).toEqual([]);
  });
});

describe('the settings', () => {
  it('are empty at first', () => {
    expect(open().settings.get()).toEqual({
      name: 'default',
      edgeKey: '',
      edgeSecret: '',
      createdMs: 0,
      modifiedMs: 0,
    });
  });

  it('keep the time when they were first stored', () => {
    const store = open();
    store.settings.put('key', 'secret', 10);
    expect(store.settings.put('key2', '', 20)).toEqual({
      name: 'default',
      edgeKey: 'key2',
      edgeSecret: '',
      createdMs: 10,
      modifiedMs: 20,
    });
  });
});

describe('the clips', () => {
  const clip = { camera: 'yard', name: 'parcel', fromMs: 1000, toMs: 5000, createdMs: 9000 };

  it('are kept across a restart, in the order of their start', () => {
    const { clips } = open();
    const later = clips.add({ ...clip, name: 'later', fromMs: 3000 });
    const first = clips.add(clip);
    expect(first).toEqual({ id: expect.any(Number), ...clip });
    opened.pop()?.close();

    const again = open().clips;
    expect(again.list('yard')).toEqual([first, later]);
    expect(again.list('door')).toEqual([]);
    expect(again.get('yard', first.id)).toEqual(first);
    expect(again.get('door', first.id)).toBeUndefined();
  });

  it('have names that are unique within a camera', () => {
    const { clips } = open();
    clips.add(clip);
    clips.add({ ...clip, camera: 'door' });
    expect(() => clips.add(clip)).toThrow(
      expect.objectContaining({ kind: 'already_exists', message: expect.stringContaining('"parcel"') }),
    );
  });

  it('are removed by camera and id, and the id is not used again', () => {
    const { clips } = open();
    const { id } = clips.add(clip);
    expect(clips.remove('door', id)).toBe(false);
    expect(clips.remove('yard', id)).toBe(true);
    expect(clips.remove('yard', id)).toBe(false);
    expect(clips.add(clip).id).toBeGreaterThan(id);
  });

  it('list the protected parts of all cameras', () => {
    const { clips } = open();
    clips.add({ ...clip, name: 'later', fromMs: 3000 });
    clips.add(clip);
    clips.add({ ...clip, camera: 'door' });
    expect(clips.protectedSpans()).toEqual([
      { camera: 'door', fromUs: 1_000_000, toUs: 5_000_999 },
      { camera: 'yard', fromUs: 1_000_000, toUs: 5_000_999 },
      { camera: 'yard', fromUs: 3_000_000, toUs: 5_000_999 },
    ]);
  });
});

describe('the database', () => {
  it('can be read by its owner only, also the files beside it', () => {
    open().cameras.insert(camera);
    for (const file of [path, `${path}-wal`, `${path}-shm`]) {
      expect(statSync(file).mode & 0o777, file).toBe(0o600);
    }
  });

  it('is synced to the disk and has its schema version', () => {
    open();
    sql((database) => {
      expect(database.pragma('journal_mode', { simple: true })).toBe('wal');
      expect(database.pragma('user_version', { simple: true })).toBe(MIGRATIONS.length);
      expect(database.pragma('application_id', { simple: true })).toBe(APPLICATION_ID);
    });
  });

  function expectRefused(message: RegExp): void {
    const before = readFileSync(path);
    expect(() => open()).toThrow(
      expect.objectContaining({ kind: 'failed_precondition', message: expect.stringMatching(message) }),
    );
    expect(readFileSync(path)).toEqual(before);
  }

  it('from a newer version is refused and not changed', () => {
    open();
    opened.pop()?.close();
    sql((database) => database.pragma('user_version = 99'));
    expectRefused(/newer chrysproxy \(its schema is 99/);
  });

  it('that is not a database is refused and not changed', () => {
    writeFileSync(path, 'this is no database, and long enough to be looked at as one. '.repeat(40));
    expectRefused(/damaged.*Restore it.*move it away/);
  });

  it('with damaged pages is refused and not changed', () => {
    const store = open();
    for (let index = 0; index < 200; index += 1) {
      store.cameras.insert({ ...camera, name: `camera-${index}` });
    }
    opened.pop()?.close();
    const bytes = readFileSync(path);
    bytes.fill(0x5a, 4096 * 3, 4096 * 5);
    writeFileSync(path, bytes);
    expectRefused(/damaged/);
  });

  it('of another program is refused and not changed', () => {
    sql((database) => database.exec('CREATE TABLE notes (text)'));
    expectRefused(/not one of chrysproxy/);
  });

  it('that cannot be created is refused with its path', () => {
    expect(() => openStore(join(dataDir, 'missing'))).toThrow(/missing\/chrysproxy\.db cannot be opened/);
    expect(existsSync(join(dataDir, 'missing'))).toBe(false);
  });

  it('that another program holds refuses writes with the reason, and works again afterwards', () => {
    const store = open();
    sql((other) => {
      other.exec('BEGIN IMMEDIATE');
      const held = expect.objectContaining({
        kind: 'unavailable',
        message: expect.stringContaining('held by another'),
      });
      expect(() => {
        store.cameras.insert(camera);
      }).toThrow(held);
      expect(() => store.cameras.remove('yard')).toThrow(held);
      expect(() => store.settings.put('k', 's', 1)).toThrow(held);
      expect(store.cameras.list()).toEqual([]);
    });
    store.cameras.insert(camera);
    expect(store.cameras.list()).toEqual([camera]);
  });

  const schemaOf = (): unknown =>
    sql((database) => database.prepare('SELECT type, name, sql FROM sqlite_schema').all());

  it.each(MIGRATIONS.map((_step, version) => version))(
    'with schema %i is migrated to the same schema as a new one',
    (version) => {
      open();
      opened.pop()?.close();
      const fresh = schemaOf();
      rmSync(path);
      sql((database) => {
        for (const step of MIGRATIONS.slice(0, version)) {
          database.exec(step);
        }
        database.pragma(`user_version = ${version}`);
        database.pragma(`application_id = ${APPLICATION_ID}`);
      });
      open();
      opened.pop()?.close();
      expect(schemaOf()).toEqual(fresh);
      expect(sql((database) => database.pragma('user_version', { simple: true }))).toBe(MIGRATIONS.length);
    },
  );
});
