/** RTSP sessions are ended whenever a camera is left, so that one with a single session can be used again at once. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../support/cli.js';
import { FakeCameraScene } from '../support/scene.js';
import { pause, waitFor } from '../support/wait.js';

const BOUND_MS = 30_000;
/** A camera is running again within this time after its only session was ended, on a busy machine. */
const BACK_MS = 8000;

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

  it('has its session back when the camera is removed, and runs at once when it is added again', async () => {
    const before = await scene.counts('one');
    await scene.proxy.removeCamera('one');
    await scene.add('one');
    await scene.running('one', BACK_MS);
    await ended('one', before.teardowns + 1).catch(() => undefined);
    const after = await scene.counts('one');
    expect(after.teardowns).toBe(before.teardowns + 1);
    expect(after.refused).toEqual({});
    expect(after.withoutTeardown).toBe(0);
    expect(after.sessionsNow).toBe(1);
  });

  it('has its session back when audio is switched on', async () => {
    const before = await scene.counts('one');
    expect((await scene.proxy.rest('PATCH', '/api/v1/process/one', { record_audio: true })).status).toBe(200);
    await waitFor('the second PLAY', BACK_MS, async () => (await scene.counts('one')).plays === before.plays + 1);
    await scene.running('one', BACK_MS);
    expect(await scene.counts('one')).toMatchObject({
      ...{ teardowns: before.teardowns + 1, withoutTeardown: 0, sessionsNow: 1, refused: {} },
    });
  });

  it('is probed while it runs without another connection', async () => {
    const before = await scene.counts('one');
    const probe = await runCli(scene.proxy, ['probe', scene.cameras.url('one'), '--json']);
    expect(probe).toMatchObject({ exitCode: 0 });
    expect(JSON.parse(probe.stdout)).toMatchObject({ codec: 'h264', width: 320, height: 240 });
    expect((await scene.counts('one')).connections).toBe(before.connections);
  });

  it('is left although it never answers TEARDOWN', async () => {
    const startMs = performance.now();
    await scene.proxy.removeCamera('silent-teardown');
    await waitFor('the connection to be closed', 5000, async () => {
      return (await scene.counts('silent-teardown')).connectionsNow === 0;
    });
    expect(performance.now() - startMs).toBeLessThan(5000);
    expect((await scene.counts('silent-teardown')).teardowns).toBe(1);
  });

  it('has its session back when it stops sending', async () => {
    await waitFor('the second PLAY', BOUND_MS, async () => (await scene.counts('stalls')).plays >= 2);
    await scene.running('stalls', BACK_MS);
    expect(await scene.counts('stalls')).toMatchObject({ teardowns: 1, withoutTeardown: 0, refused: {} });
  });

  it('whose session somebody else has is named', async () => {
    const { message } = await scene.failed('taken', 'session_limit');
    expect(message).toMatch(/453/);
    expect(message).toMatch(/allows no further session/);
    expect((await scene.counts('taken')).requests['SETUP']).toBeLessThanOrEqual(12);
  });

  it('gets its session back after the proxy was killed', async () => {
    await scene.running('one');
    // What was learnt is stored once a second.
    await pause(1500);
    await scene.proxy.kill9();
    expect((await scene.counts('one')).sessionsNow).toBe(1);
    await scene.proxy.resume();
    await scene.running('one', BOUND_MS);
    expect(await scene.counts('one')).toMatchObject({ withoutTeardown: 1, sessionsNow: 1 });
  });

  it('has its session back when the proxy ends', async () => {
    const before = await scene.counts('one');
    expect(await scene.proxy.end()).toBe(0);
    expect(await scene.counts('one')).toMatchObject({ teardowns: before.teardowns + 1, sessionsNow: 0 });
    await scene.proxy.resume();
    await scene.running('one', BACK_MS);
  });
});
