import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EvidenceFolder } from '../../../../src/annotations/evidence/evidence-folder.js';
import { systemClock } from '../../../../src/base/clock.js';
import { annotation, STORED_MS } from '../fixture.js';
import { EvidenceStore, id, made, REQUEST } from './fixture.js';

let store: EvidenceStore;
let logged: string[];

beforeEach(() => {
  store = new EvidenceStore();
  logged = [];
});
afterEach(() => {
  store.remove();
});

function evidenceFolder(maxBytes = 1000): EvidenceFolder {
  const { folder, table } = store;
  return new EvidenceFolder({ folder, table, maxBytes, clock: systemClock, log: (_level, text) => logged.push(text) });
}

describe('evidence', () => {
  it('is stored with its annotation, and stays pending until it is settled, also after a restart', () => {
    store.add(1);
    store.queue.add([annotation(2)], 'queued');
    store.table.noteSnapshot(id(1), { jpegBytes: 9, jpegFrameId: 7, jpegMs: STORED_MS });
    store.reopen();
    const snapshot = { jpegBytes: 9, jpegFrameId: 7, jpegMs: STORED_MS };
    expect(store.table.pending(10)).toEqual([{ id: id(1), ...REQUEST, ...snapshot }]);
    expect(store.table.get(id(1))).toMatchObject({ ...REQUEST, state: 'pending' });
    expect(store.table.get(id(2))).toBeUndefined();
    store.table.settle(id(1), made(100, 9));
    store.table.settle(id(1), made(0));
    expect(store.table.pending(10)).toEqual([]);
    expect(store.table.get(id(1))).toEqual({ ...REQUEST, state: 'ready', ...made(100, 9) });
    expect(store.table.bytes).toBe(109);
  });

  it('fails with the reason when nothing could be made', () => {
    store.add(1);
    store.table.settle(id(1), made(0, 0, { reason: 'It is gone.' }));
    expect(store.table.get(id(1))).toMatchObject({ state: 'failed', reason: 'It is gone.' });
  });

  it('is deleted with its annotation, together with its files', () => {
    store.add(1, 'local');
    store.add(2);
    const files = evidenceFolder();
    for (const number of [1, 2]) {
      store.write(number, 'clip', 'jpeg');
      expect(files.settle(id(number), made(4, 4))).toBe(true);
    }
    store.queue.clean(STORED_MS + 1e6, 100, 100);
    files.clean();
    expect(readdirSync(store.folder).sort()).toEqual([`${id(2)}.jpg`, `${id(2)}.mp4`]);
    store.queue.setAside(2, 'no', 0);
    store.queue.discard([2]);
    files.clean();
    expect(readdirSync(store.folder)).toEqual([]);
    expect(files.settle(id(2), made(4))).toBe(false);
  });

  it('of the oldest delivered annotation is removed to make room, and waiting annotations keep theirs', () => {
    const files = evidenceFolder(1000);
    for (const number of [1, 2, 3, 4]) store.add(number);
    store.queue.deliver([2], STORED_MS);
    for (const number of [1, 2, 3]) store.write(number, 'x');
    for (const number of [1, 2]) files.settle(id(number), made(400));
    // The answer was lost, so the result is stored again.
    expect([files.settle(id(3), made(300)), files.settle(id(3), made(300))]).toEqual([true, true]);
    files.clean();
    expect(store.table.get(id(2))).toMatchObject({ state: 'removed', clipBytes: 0 });
    expect(store.table.get(id(2))!.reason).toContain('annotation.evidence_max_bytes (1000)');
    expect(readdirSync(store.folder).sort()).toEqual([`${id(1)}.mp4`, `${id(3)}.mp4`]);
    expect(files.settle(id(4), made(301))).toBe(false);
    expect(store.table.get(id(4))).toMatchObject({ state: 'failed', clipBytes: 0 });
    expect(store.table.get(id(4))!.reason).toMatch(/leaves no room: .* takes 700 bytes/);
  });

  it('has its leftover files deleted at the start; other files remain', () => {
    store.add(1);
    store.add(2);
    store.write(1, 'ready');
    store.table.settle(id(1), made(5));
    store.write(2, 'made, and not noted yet');
    store.write(3, 'of no annotation');
    for (const number of [1, 2]) writeFileSync(join(store.folder, `${id(number)}.mp4.part`), 'unfinished');
    utimesSync(join(store.folder, `${id(1)}.mp4.part`), 1, 1);
    writeFileSync(join(store.folder, 'notes.txt'), 'mine');
    mkdirSync(join(store.folder, `${id(4)}.mp4`));
    evidenceFolder();
    const left = [`${id(1)}.mp4`, `${id(2)}.mp4`, `${id(2)}.mp4.part`, `${id(4)}.mp4`, 'notes.txt'];
    expect(readdirSync(store.folder).sort()).toEqual(left);
    expect(logged).toEqual([]);
  });
});
