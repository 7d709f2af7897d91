/** RTSP sessions are kept alive, whichever request the camera accepts for that. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CameraOptions } from '../farm/fake-camera.js';
import { FakeCameraScene } from '../support/scene.js';
import { pause, waitFor } from '../support/wait.js';

/** More than three times the maximum timeout of the cameras. Sessions must not end in this time, so the tests wait for it. */
const WATCHED_MS = 26_000;
const BOUND_MS = 60_000;
const LISTED = 'OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN';

const CAMERAS = {
  hidden: { rtsp: { public: LISTED }, session: { timeoutS: 5, keptBy: 'GET_PARAMETER' } },
  options: { session: { timeoutS: 5, keptBy: 'OPTIONS' } },
  refused: { session: { timeoutS: 5, getParameter: 405 } },
  silent: { session: { timeoutS: 5, getParameter: 'silent' } },
  rtcp: { session: { timeoutS: 8, keptBy: 'rtcp' } },
  short: { session: { timeoutS: 3 } },
  nonces: { session: { timeoutS: 5 }, auth: { schemes: ['md5'], qop: 'auth', nonceOnce: true } },
  unnamed: { session: { timeoutS: 60, namesTimeout: false } },
  'refuses-reports': { session: { timeoutS: 5 }, rtsp: { refusesReports: true } },
  another: { session: { timeoutS: 4, keptBy: 'SET_PARAMETER' } },
} satisfies Record<string, CameraOptions>;
type Name = keyof typeof CAMERAS;

describe('a session', () => {
  let scene: FakeCameraScene<Name>;

  beforeAll(async () => {
    scene = await FakeCameraScene.start<Name>(CAMERAS);
    for (const name of Object.keys(CAMERAS) as Name[]) await scene.running(name);
    await pause(WATCHED_MS);
  });
  afterAll(async () => {
    await scene.dispose();
  });

  it.each<[string, Name]>([
    ['by a GET_PARAMETER that the camera does not list', 'hidden'],
    ['by OPTIONS alone', 'options'],
    ['where GET_PARAMETER is refused', 'refused'],
    ['where GET_PARAMETER is never answered', 'silent'],
    ['by receiver reports alone', 'rtcp'],
    ['of 3 s', 'short'],
    ['with a new nonce for each request', 'nonces'],
    ['without a timeout in the answer', 'unnamed'],
    ['where receiver reports are answered with errors', 'refuses-reports'],
  ])('is kept alive %s', async (_how, name) => {
    const { expired, plays, wrongAnswers } = await scene.counts(name);
    expect({ expired, plays, wrongAnswers }).toEqual({ expired: 0, plays: 1, wrongAnswers: 0 });
    const { phase, stats } = await scene.state(name);
    expect({ phase, reconnects: stats.reconnects }).toEqual({ phase: 'running', reconnects: 0 });
  });

  it('that only SET_PARAMETER keeps alive ends twice, then stays, and shows the reason and the request', async () => {
    const { learned, stats } = await scene.until('another', 'learns SET_PARAMETER', (state) => {
      return state.phase === 'running' && state.learned?.keepalive === 'SET_PARAMETER';
    });
    expect(learned?.keepalive).toBe('SET_PARAMETER');
    expect(stats.last_error).toMatch(/keepalive/);
    const { expired, plays } = await scene.counts('another');
    // Nothing may expire in more than two timeouts of the camera.
    await pause(9000);
    expect(await scene.counts('another')).toMatchObject({ expired, plays });
  });

  it('gets receiver reports, the first after the answer to PLAY, unless the camera answers them with errors', async () => {
    const { receiverReports, earlyReports } = await scene.counts('short');
    expect(earlyReports).toBe(0);
    expect(receiverReports).toBeGreaterThanOrEqual(WATCHED_MS / 5000 - 2);
    const before = await scene.counts('refuses-reports');
    expect(before.receiverReports).toBeLessThanOrEqual(2);
    expect((await scene.state('refuses-reports')).learned?.without_receiver_reports).toBe(true);
  });

  it('gets a keepalive for each third of its timeout, at most every 20 s', async () => {
    const before = await scene.counts('short');
    const startMs = performance.now();
    await waitFor('8 keepalives', BOUND_MS, async () => {
      return (await scene.counts('short')).keepalives >= before.keepalives + 8;
    });
    expect(performance.now() - startMs).toBeGreaterThan(6000);
    await waitFor('a keepalive after 20 s', BOUND_MS, async () => (await scene.counts('unnamed')).keepalives >= 1);
    expect((await scene.counts('unnamed')).keepalives).toBeLessThanOrEqual(4);
  });
});
