import {
  copyFileSync,
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { clipFile } from '../support/ffmpeg.js';
import { FarmScene } from '../support/scene.js';
import { waitFor } from '../support/wait.js';
import { archiveOf, check, filesOf, indexed, namesIn, recordingIs } from './recorded.js';
import { record } from './report.js';

const CLIP = 'h264-640x480-25-g25';
const CAMERAS = ['yard', 'moved', 'door'];
const BOUND_MS = 30_000;

let scene: FarmScene;
/** A folder that does not belong to the proxy. */
let outside: string;

beforeAll(async () => {
  const cameras = Object.fromEntries(CAMERAS.map((name) => [name, CLIP]));
  const config = { buffer: { on_disk: true, on_disk_clean_older_than: '1d' } };
  scene = await FarmScene.start(cameras, { later: CAMERAS, config });
  outside = mkdtempSync(join(tmpdir(), 'chrysproxy-outside-'));
});

afterAll(async () => {
  await scene.dispose();
  rmSync(outside, { recursive: true, force: true });
});

/** Configures the next start to record nothing and to delete segments older than `olderThan`. */
function clean(olderThan: string): void {
  const config = parse(readFileSync(scene.proxy.configFile, 'utf8')) as Record<string, unknown>;
  const buffer = { on_disk: false, on_disk_clean_older_than: olderThan, on_disk_schedule: '@every 1s' };
  writeFileSync(scene.proxy.configFile, stringify({ ...config, buffer }));
}

function isFile(path: string): boolean {
  return lstatSync(path).isFile();
}

/** All files below a folder with their content. Links are not followed. */
function contents(folder: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const stats = lstatSync(join(folder, name));
    if (stats.isSymbolicLink()) found.set(name, `-> ${readlinkSync(join(folder, name))}`);
    else found.set(name, stats.isFile() ? readFileSync(join(folder, name), 'base64') : 'folder');
  }
  return found;
}

it('C5: retention deletes only segments of the proxy, and no other files in the folder', async () => {
  const folder = archiveOf(scene.proxy);
  for (const name of CAMERAS) await scene.proxy.addCamera(name, scene.farm.url(name));
  for (const name of CAMERAS) {
    await recordingIs(scene.proxy, name, 'five segments', BOUND_MS, ({ segments }) => segments >= 5);
  }
  for (const name of CAMERAS) await scene.proxy.removeCamera(name);
  await check(scene.proxy);
  await scene.proxy.end();

  const [first, second, third, fourth] = filesOf(folder, 'yard');
  const at = (name: string): string => join(folder, 'yard', name);
  const elsewhere = (name: string): string => join(outside, name);
  const segment = first?.path ?? '';
  // In the index: a segment that became a link, and a segment that became a folder.
  renameSync(second?.path ?? '', elsewhere('second.mp4'));
  symlinkSync(elsewhere('second.mp4'), second?.path ?? '');
  rmSync(third?.path ?? '');
  mkdirSync(third?.path ?? '');
  copyFileSync(segment, join(third?.path ?? '', '1_2.mp4'));
  // In the index: a camera folder that was moved and replaced by a link.
  renameSync(join(folder, 'moved'), elsewhere('moved'));
  symlinkSync(elsewhere('moved'), join(folder, 'moved'));
  // Not in the index.
  symlinkSync(elsewhere('second.mp4'), at('1700000000000_1000.mp4'));
  symlinkSync(elsewhere('nothing'), at('1700000000001_1000.mp4'));
  symlinkSync(elsewhere('second.mp4'), at('.17.part'));
  mkdirSync(at('.18.part'));
  mkdirSync(at('1700000000002_1000.mp4'));
  copyFileSync(clipFile(CLIP), at('1700000000003_1000.mp4'));
  writeFileSync(at('1700000000004_1000.mp4'), 'no mp4 at all');
  copyFileSync(segment, at('holiday.mp4'));
  copyFileSync(segment, join(folder, '1700000000005_1000.mp4'));
  mkdirSync(join(folder, '..yard'));
  copyFileSync(segment, join(folder, '..yard', '1700000000006_1000.mp4'));
  cpSync(elsewhere('moved'), elsewhere('linked'), { recursive: true });
  symlinkSync(elsewhere('linked'), join(folder, 'linked'));
  // Forged rows: files outside the folder, files that are not segments, and folders that are not of a camera.
  copyFileSync(segment, elsewhere('1700000000007_1000.mp4'));
  const database = new Database(join(scene.proxy.dataDir, 'recordings.db'));
  const row = database.prepare('SELECT * FROM segments WHERE file = ?').get(fourth?.file) as Record<string, unknown>;
  const put = (camera: string, file: string): void => {
    const copy: Record<string, unknown> = { ...row, camera, file };
    delete copy['id'];
    const names = Object.keys(copy);
    database
      .prepare(`INSERT INTO segments (${names.join()}) VALUES (${names.map((name) => `@${name}`).join()})`)
      .run(copy);
  };
  put('yard', `../../../${outside.split('/').at(-1) ?? ''}/1700000000007_1000.mp4`);
  put('yard', 'holiday.mp4');
  put('..yard', '1700000000006_1000.mp4');
  put('linked', readdirSync(elsewhere('linked'))[0] ?? '');
  database.close();

  const isForeign = (camera: string): ReadonlySet<string> =>
    new Set(
      namesIn(folder, camera).filter((name) => name.startsWith('17000000') || !isFile(join(folder, camera, name))),
    );
  const ours = new Set(
    ['yard', 'door'].flatMap((camera) =>
      filesOf(folder, camera, isForeign(camera)).map(({ file }) => join(camera, file)),
    ),
  );
  const before = contents(folder);
  const outsideBefore = contents(outside);
  clean('1s');
  await scene.proxy.resume();
  await waitFor('all segments of the proxy to be deleted', BOUND_MS, () => namesIn(folder, 'door').length === 0);
  await waitFor('the index to be empty', BOUND_MS, async () => {
    const { text } = await scene.proxy.rest('GET', '/api/v1/recordings');
    return (JSON.parse(text) as { segments: number }).segments === 0;
  });
  const report = await check(scene.proxy);

  expect(contents(outside)).toEqual(outsideBefore);
  const left = new Map([...before].filter(([name]) => !ours.has(name)));
  const after = contents(folder);
  expect([...after.keys()].sort()).toEqual([...left.keys()].sort());
  expect(after).toEqual(left);
  // The report names each foreign file. For a folder that belongs to no camera, it names only the folder.
  for (const name of [
    'moved',
    'linked',
    '1700000000005_1000.mp4',
    'yard/holiday.mp4',
    'yard/.17.part',
    'yard/.18.part',
  ]) {
    expect(report.foreign).toContain(name);
  }
  expect(await indexed(scene.proxy, 'yard').catch(() => [])).toEqual([]);
  record({
    row: 'C5',
    fault: 'links, folders and foreign files named as segments, rows that point outside',
    figure: 'foreign files that were changed or deleted',
    value: `0 of ${left.size + outsideBefore.size}`,
    promise: '0',
  });
});
