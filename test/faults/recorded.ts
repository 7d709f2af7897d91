/** The recordings of a proxy as seen from outside: files, index, and checks of both. */
import { execFile } from 'node:child_process';
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import Database from 'better-sqlite3';
import { expect } from 'vitest';
import type { SegmentFacts } from '../../src/native/types.js';
import { addon } from '../native/capture-rig.js';
import type { ProcessAnswer, Proxy } from '../support/proxy.js';
import { FarmScene } from '../support/scene.js';
import { SlowDisk } from '../support/slow-disk.js';
import { waitFor } from '../support/wait.js';

const run = promisify(execFile);
const NAME = /^(\d+)_\d+\.mp4$/;

/** Starts a farm and a proxy that records cameras of this clip, on a disk that can be made slow. */
export async function recordOnSlowDisk(
  names: readonly string[],
  clip: string,
): Promise<{ readonly scene: FarmScene; readonly disk: SlowDisk }> {
  const cameras = Object.fromEntries(names.map((name) => [name, clip]));
  const config = { buffer: { on_disk: true, on_disk_clean_older_than: '1d' } };
  const scene = await FarmScene.start(cameras, { later: names, config });
  await scene.proxy.end();
  const disk = new SlowDisk(archiveOf(scene.proxy));
  Object.assign(scene.proxy.env, disk.env);
  await scene.proxy.resume();
  for (const name of names) await scene.add(name);
  return { scene, disk };
}

export type Status = ProcessAnswer['chrysproxy']['recording'];

export interface CheckAnswer {
  readonly good: number;
  readonly added: number;
  readonly missing: number;
  readonly removed: number;
  readonly foreign: readonly string[];
}

export interface RecordedFile {
  readonly path: string;
  readonly file: string;
  readonly facts: SegmentFacts;
}

/** The default folder of the recordings. */
export function archiveOf(proxy: Proxy): string {
  return join(proxy.dataDir, 'archive');
}

export async function recordingOf(proxy: Proxy, camera: string): Promise<Status> {
  return (await proxy.camera(camera)).chrysproxy.recording;
}

/** Resolves with the first status that matches. */
export async function recordingIs(
  proxy: Proxy,
  camera: string,
  what: string,
  boundMs: number,
  matches: (status: Status) => boolean,
): Promise<Status> {
  let last: Status | undefined;
  try {
    return await waitFor(what, boundMs, async () => {
      last = await recordingOf(proxy, camera);
      return matches(last) ? last : undefined;
    });
  } catch (error) {
    throw new Error(`${camera}: ${what} was not seen within ${boundMs} ms; last: ${JSON.stringify(last)}`, {
      cause: error,
    });
  }
}

/** Waits for `count` more segments than there are now. */
export async function moreSegments(proxy: Proxy, camera: string, count: number, boundMs = 90_000): Promise<Status> {
  const { segments } = await recordingOf(proxy, camera);
  return await recordingIs(proxy, camera, `${count} more segments`, boundMs, (now) => now.segments >= segments + count);
}

export async function check(proxy: Proxy): Promise<CheckAnswer> {
  const { status, text } = await proxy.rest('POST', '/api/v1/recordings/check');
  if (status !== 200) throw new Error(`checking the recordings: ${status} ${text}`);
  return JSON.parse(text) as CheckAnswer;
}

/** Names of all entries in a camera's folder, oldest first; empty when there is no folder. */
export function namesIn(folder: string, camera: string): string[] {
  const path = join(folder, camera);
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return [];
  const start = (name: string): number => Number(NAME.exec(name)?.[1] ?? 0);
  return readdirSync(path).sort((one, other) => start(one) - start(other));
}

/** The segments in a camera's folder that are not `known`, oldest first. Throws when a file is not a whole segment. */
export function filesOf(folder: string, camera: string, known: ReadonlySet<string> = new Set()): RecordedFile[] {
  return namesIn(folder, camera)
    .filter((file) => NAME.test(file) && !known.has(file))
    .map((file) => {
      const path = join(folder, camera, file);
      const facts = addon.readSegment(path);
      if (facts === undefined) throw new Error(`${path} is not a whole segment`);
      return { path, file, facts };
    });
}

/** Names of the files in the index, oldest first. */
export async function indexed(proxy: Proxy, camera: string): Promise<string[]> {
  const found: string[] = [];
  for (let after: number | null = 0; after !== null;) {
    const { status, text } = await proxy.rest('GET', `/api/v1/process/${camera}/segments?limit=1000&after=${after}`);
    if (status !== 200) throw new Error(`segments of ${camera}: ${status} ${text}`);
    const page = JSON.parse(text) as { segments: { file: string }[]; next: number | null };
    found.push(...page.segments.map(({ file }) => file));
    after = page.next;
  }
  return found;
}

/** Checks that the files, oldest first, do not overlap in time or in packets. */
export function expectNoOverlap(files: readonly RecordedFile[]): void {
  for (const [index, { facts, file }] of files.entries()) {
    const before = files[index - 1];
    expect(facts.lastUs, file).toBeGreaterThanOrEqual(facts.startUs);
    expect(facts.durationUs, file).toBeGreaterThan(0);
    if (before === undefined) continue;
    expect(facts.startUs, `${file} begins after ${before.file}`).toBeGreaterThan(before.facts.lastUs);
    expect(facts.firstSequence, `${file} after ${before.file}`).toBeGreaterThanOrEqual(before.facts.endSequence);
  }
}

/** Packet numbers of each start of a camera begin at a new multiple of this. */
const BLOCK = 2 ** 32;

/** The segments before which packets of the same connection are missing. */
export function holes(files: readonly RecordedFile[]): RecordedFile[] {
  return files.filter(({ facts }, index) => {
    const before = files[index - 1]?.facts;
    if (before?.connection !== facts.connection) return false;
    const isOneLife = Math.floor(before.firstSequence / BLOCK) === Math.floor(facts.firstSequence / BLOCK);
    return isOneLife && before.endSequence !== facts.firstSequence;
  });
}

/** Checks that FFmpeg reads the file to its end without a complaint, and that the timestamps grow. */
export async function expectPlays(path: string): Promise<void> {
  const { stdout, stderr } = await run('ffprobe', [
    ...['-v', 'warning', '-show_entries', 'packet=dts,pts:stream=nb_frames', '-of', 'json', path],
  ]);
  expect(stderr, path).toBe('');
  const { packets } = JSON.parse(stdout) as { packets: { pts: number; dts: number }[] };
  expect(packets.length, path).toBeGreaterThan(0);
  for (const [index, { pts, dts }] of packets.entries()) {
    expect(pts, path).toBeGreaterThanOrEqual(dts);
    if (index > 0) expect(dts, path).toBeGreaterThan(packets[index - 1]?.dts ?? NaN);
  }
}

/** Checks that SQLite finds no fault in the databases of the proxy. */
export function expectIntactDatabases(proxy: Proxy): void {
  const names = readdirSync(proxy.dataDir).filter((name) => name.endsWith('.db'));
  expect(names.length).toBeGreaterThan(1);
  for (const name of names) {
    const database = new Database(join(proxy.dataDir, name), { readonly: true });
    expect(database.pragma('integrity_check', { simple: true }), name).toBe('ok');
    database.close();
  }
}
