import { ChrysError } from '../base/errors.js';
import type { LearnedFacts, TlsVerify, Transport } from '../native/types.js';
import type { CameraDefinition } from './camera-definition.js';
import type { Connection, Statement } from './database.js';
import { learnedText, parseLearned } from './learned-facts.js';
import { explainWriteError, isSqliteError, runWrite } from './write-errors.js';

interface Row {
  readonly name: string;
  readonly rtsp_endpoint: string;
  readonly rtmp_endpoint: string | null;
  readonly transport: string;
  readonly tls_verify: string;
  readonly max_pixels: number | null;
  readonly open_timeout_ms: number;
  readonly stall_timeout_ms: number;
  readonly decoder_threads: number;
  readonly record: number | null;
  readonly record_audio: number;
  readonly passthrough: number;
  readonly storage: number | null;
  readonly storing: number | null;
  readonly storing_ms: number | null;
  readonly created_ms: number;
  readonly modified_ms: number;
}

/** The stored cameras, which are added again after a restart. */
export class CameraRegistry {
  readonly #list: Statement<[], Row>;
  readonly #get: Statement<[string], Row>;
  readonly #insert: Statement<[Row]>;
  readonly #update: Statement<[Row]>;
  readonly #remove: Statement<[string]>;
  readonly #learned: Statement<[string], { readonly learned: string | null }>;
  readonly #learn: Statement<[string | null, string]>;

  constructor(database: Connection) {
    this.#list = database.prepare('SELECT * FROM cameras ORDER BY created_ms, name');
    this.#get = database.prepare('SELECT * FROM cameras WHERE name = ?');
    this.#insert = database.prepare(
      `INSERT INTO cameras (name, rtsp_endpoint, rtmp_endpoint, transport, tls_verify, max_pixels, open_timeout_ms, stall_timeout_ms,
        decoder_threads, record, record_audio, passthrough, storage, storing, storing_ms, created_ms, modified_ms)
       VALUES (@name, @rtsp_endpoint, @rtmp_endpoint, @transport, @tls_verify, @max_pixels, @open_timeout_ms, @stall_timeout_ms,
        @decoder_threads, @record, @record_audio, @passthrough, @storage, @storing, @storing_ms, @created_ms, @modified_ms)`,
    );
    this.#update = database.prepare(
      `UPDATE cameras SET transport = @transport, tls_verify = @tls_verify, max_pixels = @max_pixels,
        rtmp_endpoint = @rtmp_endpoint, record = @record, record_audio = @record_audio,
        passthrough = @passthrough, storage = @storage, storing = @storing, storing_ms = @storing_ms,
        modified_ms = @modified_ms
       WHERE name = @name`,
    );
    this.#remove = database.prepare('DELETE FROM cameras WHERE name = ?');
    this.#learned = database.prepare('SELECT learned FROM cameras WHERE name = ?');
    this.#learn = database.prepare('UPDATE cameras SET learned = ? WHERE name = ?');
  }

  /** Oldest first. */
  list(): CameraDefinition[] {
    return this.#list.all().map(definitionOf);
  }

  get(name: string): CameraDefinition | undefined {
    const row = this.#get.get(name);
    return row && definitionOf(row);
  }

  /** Throws already_exists, and unavailable, resource_exhausted or failed_precondition when the camera cannot be written. */
  insert(camera: CameraDefinition): void {
    try {
      this.#insert.run(rowOf(camera));
    } catch (error) {
      if (isSqliteError(error) && error.code === 'SQLITE_CONSTRAINT_PRIMARYKEY') {
        const text = `There is already a camera "${camera.name}". Remove it first, or choose another name.`;
        throw new ChrysError('already_exists', text, { cause: error });
      }
      throw explainWriteError(error);
    }
  }

  /** Stores the fields of CameraChanges. Throws like `insert` when the database cannot be written. */
  update(camera: CameraDefinition): void {
    runWrite(() => this.#update.run(rowOf(camera)));
  }

  /** False: there is no such camera. Throws like `insert` when the database cannot be written. */
  remove(name: string): boolean {
    return runWrite(() => this.#remove.run(name).changes > 0);
  }

  /** The learned facts of a camera; undefined: none, or there is no such camera. */
  learned(name: string): LearnedFacts | undefined {
    return parseLearned(this.#learned.get(name)?.learned);
  }

  /** Stores the learned facts of a camera. Does nothing for an unknown name. Throws like `insert` when the database cannot be written. */
  learn(name: string, facts: LearnedFacts | undefined): void {
    runWrite(() => this.#learn.run(facts === undefined ? null : learnedText(facts), name));
  }
}

function rowOf(camera: CameraDefinition): Row {
  return {
    name: camera.name,
    rtsp_endpoint: camera.rtspEndpoint,
    rtmp_endpoint: camera.rtmpEndpoint ?? null,
    transport: camera.transport,
    tls_verify: camera.tlsVerify,
    max_pixels: camera.maxPixels ?? null,
    open_timeout_ms: camera.openTimeoutMs,
    stall_timeout_ms: camera.stallTimeoutMs,
    decoder_threads: camera.decoderThreads,
    record: flagOf(camera.record),
    record_audio: Number(camera.recordAudio),
    passthrough: Number(camera.passthrough ?? false),
    storage: flagOf(camera.storage),
    storing: flagOf(camera.storing?.on),
    storing_ms: camera.storing?.sinceMs ?? null,
    created_ms: camera.createdMs,
    modified_ms: camera.modifiedMs,
  };
}

function flagOf(value: boolean | undefined): number | null {
  return value === undefined ? null : Number(value);
}

function definitionOf(row: Row): CameraDefinition {
  return {
    name: row.name,
    rtspEndpoint: row.rtsp_endpoint,
    ...(row.rtmp_endpoint === null ? {} : { rtmpEndpoint: row.rtmp_endpoint }),
    transport: transportOf(row.transport),
    tlsVerify: tlsVerifyOf(row.tls_verify),
    ...(row.max_pixels === null ? {} : { maxPixels: row.max_pixels }),
    openTimeoutMs: row.open_timeout_ms,
    stallTimeoutMs: row.stall_timeout_ms,
    decoderThreads: row.decoder_threads,
    ...(row.record === null ? {} : { record: row.record !== 0 }),
    recordAudio: row.record_audio !== 0,
    ...(row.passthrough === 0 ? {} : { passthrough: true }),
    ...(row.storage === null ? {} : { storage: row.storage !== 0 }),
    ...(row.storing === null ? {} : { storing: { on: row.storing !== 0, sinceMs: row.storing_ms ?? 0 } }),
    createdMs: row.created_ms,
    modifiedMs: row.modified_ms,
  };
}

function transportOf(text: string): Transport {
  return text === 'udp' || text === 'tcp' ? text : 'auto';
}

/** An unknown value counts as the strictest check. */
function tlsVerifyOf(text: string): TlsVerify {
  return text === 'pin' || text === 'none' ? text : 'verify';
}
