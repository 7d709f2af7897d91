/** RTSP sessions are ended whenever a camera is left, so that a camera with a single session can be used again at once. */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_FILE } from '../../src/database/store.js';
import { runCli } from '../support/cli.js';
import type { Proxy } from '../support/proxy.js';
import { FakeCameraScene } from '../support/scene.js';
import { waitFor } from '../support/wait.js';

const BOUND_MS = 60_000;

/** Learned facts of a camera, as the proxy has stored them. It stores them once a second. */
function storedFacts(proxy: Proxy, camera: string): { readonly session: string } {
  const database = new Database(join(proxy.dataDir, DATABASE_FILE), { readonly: true });
  try {
    const row = database.prepare('SELECT learned FROM cameras WHERE name = ?').get(camera) as { learned: string };
    return JSON.parse(row.learned) as { session: string };
  } finally {
    database.close();
  }
}

describe('a camera that allows one session', () => {
  type Name = 'one' | 'silent-teardown' | 'stalls' | 'taken';
  let scene: FakeCameraScene<Name>;

  beforeAll(async () => {
    scene = await FakeCameraScene.start({
      one: { session: { max: 1 } },
      'silent-teardown': { session: { max: 1, silentTeardown: true } },
      stalls: { session: { max: 1 }, video: { muteAfterMs: 3000 } },
      taken: { session: { max: 0 }, rtsp: { refusalText: 'Not Enough Bandwidth' } },
    });
    await Promise.all((['one', 'silent-teardown'] as const).map((name) => scene.running(name)));
  });
  afterAll(async () => {
    await scene.dispose();
  });

  const ended = (name: Name, teardowns: number): Promise<unknown> =>
    waitFor(`${name}: ${teardowns} sessions ended`, BOUND_MS, async () => {
      const counts = await scene.counts(name);
      return counts.teardowns === teardowns && counts.sessionsNow === 0;
    });

  it('has no session after it is removed, and runs at once when it is added again', async () => {
    const before = await scene.counts('one');
    await scene.proxy.removeCamera('one');
    await scene.add('one');
    await scene.running('one', BOUND_MS);
    await ended('one', before.teardowns + 1).catch(() => undefined);
    const after = await scene.counts('one');
    expect(after.teardowns).toBe(before.teardowns + 1);
    expect(after.refused).toEqual({});
    expect(after.withoutTeardown).toBe(0);
    expect(after.sessionsNow).toBe(1);
  });

  it('has one session after audio is switched on', async () => {
    const before = await scene.counts('one');
    expect((await scene.proxy.rest('PATCH', '/api/v1/process/one', { record_audio: true })).status).toBe(200);
    await waitFor('the second PLAY', BOUND_MS, async () => (await scene.counts('one')).plays === before.plays + 1);
    await scene.running('one', BOUND_MS);
    expect(await scene.counts('one')).toMatchObject({
      ...{ teardowns: before.teardowns + 1, withoutTeardown: 0, sessionsNow: 1, refused: {} },
    });
  });

  it('is probed while it runs, without another connection', async () => {
    const before = await scene.counts('one');
    const probe = await runCli(scene.proxy, ['probe', scene.cameras.url('one'), '--json']);
    expect(probe).toMatchObject({ exitCode: 0 });
    expect(JSON.parse(probe.stdout)).toMatchObject({ codec: 'h264', width: 320, height: 240 });
    expect((await scene.counts('one')).connections).toBe(before.connections);
  });

  it('is left although it never answers TEARDOWN', async () => {
    await scene.proxy.removeCamera('silent-teardown');
    await waitFor('the connection to be closed', BOUND_MS, async () => {
      return (await scene.counts('silent-teardown')).connectionsNow === 0;
    });
    expect((await scene.counts('silent-teardown')).teardowns).toBe(1);
  });

  it('has one session after it stopped sending', async () => {
    await waitFor('the second PLAY', BOUND_MS, async () => (await scene.counts('stalls')).plays >= 2);
    await scene.running('stalls', BOUND_MS);
    expect(await scene.counts('stalls')).toMatchObject({ teardowns: 1, withoutTeardown: 0, refused: {} });
  });

  it('whose session is taken has a reason', async () => {
    const { message } = await scene.failed('taken', 'session_limit');
    expect(message).toMatch(/453/);
    expect(message).toMatch(/allows no further session/);
    expect((await scene.counts('taken')).requests['SETUP']).toBeLessThanOrEqual(12);
  });

  it('has one session after the proxy was killed', async () => {
    await scene.running('one');
    await waitFor('the session to be stored', BOUND_MS, async () => {
      const { session } = storedFacts(scene.proxy, 'one');
      return session !== '' && (await scene.counts('one')).lastHead.includes(`\r\nSession: ${session}`);
    });
    await scene.proxy.kill9();
    expect((await scene.counts('one')).sessionsNow).toBe(1);
    await scene.proxy.resume();
    await scene.running('one', BOUND_MS);
    expect(await scene.counts('one')).toMatchObject({ withoutTeardown: 1, sessionsNow: 1 });
  });

  it('has no session after the proxy has ended', async () => {
    const before = await scene.counts('one');
    expect(await scene.proxy.end()).toBe(0);
    expect(await scene.counts('one')).toMatchObject({ teardowns: before.teardowns + 1, sessionsNow: 0 });
    await scene.proxy.resume();
    await scene.running('one', BOUND_MS);
  });
});
