/** The authentication schemes of cameras. A refused password is not tried again and again, so no account is locked. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CameraOptions } from '../farm/fake-camera.js';
import { FakeCameraScene } from '../support/scene.js';
import { waitFor } from '../support/wait.js';

const HARD = { user: 'ad@min/x', password: 'p@ss:w/o?r#d%41+&=;ä' };

const RIGHT = {
  basic: { auth: { schemes: ['basic'] } },
  md5: { auth: { schemes: ['md5'] } },
  'md5-old': { auth: { schemes: ['rfc2069'] } },
  'md5-qop': { auth: { schemes: ['md5'], qop: 'auth' } },
  'md5-qop-both': { auth: { schemes: ['md5'], qop: 'auth-int,auth' } },
  'md5-qop-int': { auth: { schemes: ['md5'], qop: 'auth-int' } },
  'md5-sess': { auth: { schemes: ['md5-sess'], qop: 'auth' } },
  sha256: { auth: { schemes: ['sha256'], qop: 'auth' } },
  'sha256-no-qop': { auth: { schemes: ['sha256'] } },
  'sha256-sess': { auth: { schemes: ['sha256-sess'], qop: 'auth' } },
  'md5-then-sha256': { auth: { schemes: ['md5', 'sha256'], qop: 'auth' } },
  'sha256-then-md5': { auth: { schemes: ['sha256', 'md5'] } },
  'basic-then-md5': { auth: { schemes: ['basic', 'md5'] } },
  'md5-then-basic': { auth: { schemes: ['md5', 'basic'] } },
  'one-header': { auth: { schemes: ['basic', 'md5', 'sha256'], oneHeader: true } },
  'nonce-once': { auth: { schemes: ['md5'], nonceOnce: true } },
  'nonce-once-stale': { auth: { schemes: ['sha256'], qop: 'auth', nonceOnce: true, stale: true } },
  'nonce-2s': { auth: { schemes: ['md5'], nonceS: 2 }, session: { timeoutS: 6 } },
  'special-characters': { auth: { schemes: ['md5'], ...HARD } },
  'special-characters-basic': { auth: { schemes: ['basic'], ...HARD } },
  'empty-password': { auth: { schemes: ['md5'], password: '' } },
} satisfies Record<string, CameraOptions>;
type Right = keyof typeof RIGHT;
type Name = Right | 'wrong' | 'wrong-both' | 'nobody' | 'unknown-scheme';

let scene: FakeCameraScene<Name>;

beforeAll(async () => {
  scene = await FakeCameraScene.start<Name>(
    {
      ...RIGHT,
      wrong: { auth: { schemes: ['md5'] } },
      'wrong-both': { auth: { schemes: ['md5', 'sha256', 'basic'], qop: 'auth' } },
      nobody: { auth: { schemes: ['basic', 'sha256'] } },
      'unknown-scheme': { rtsp: { refuse: { DESCRIBE: 401 } } },
    },
    { later: ['wrong', 'wrong-both', 'nobody', 'unknown-scheme'] },
  );
  await scene.add('wrong', scene.cameras.url('wrong', { account: 'admin:wrong' }));
  await scene.add('wrong-both', scene.cameras.url('wrong-both', { account: 'admin:wrong' }));
  await scene.add('nobody', scene.cameras.url('nobody', { account: '' }));
  await scene.add('unknown-scheme');
});
afterAll(async () => {
  await scene.dispose();
});

describe('the right password is accepted', () => {
  it.each(Object.keys(RIGHT) as Right[])('%s', async (name) => {
    await scene.running(name);
    const { wrongAnswers, plays, requestsToPlay } = await scene.counts(name);
    expect({ wrongAnswers, plays }).toEqual({ wrongAnswers: 0, plays: 1 });
    if (!name.startsWith('nonce-once')) expect(requestsToPlay).toBeLessThanOrEqual(5);
  });

  it('with the strongest scheme, which is shown and remembered', async () => {
    for (const name of ['md5-then-sha256', 'sha256-then-md5', 'one-header'] as const) {
      const state = await scene.until(name, 'shows its scheme', ({ learned }) => learned?.authentication !== null);
      expect([name, state.learned?.authentication]).toEqual([name, 'Digest SHA-256']);
    }
    expect((await scene.state('basic-then-md5')).learned?.authentication).toBe('Digest MD5');
  });

  it('also when nonces expire while it plays', async () => {
    await waitFor('keepalives', 60_000, async () => (await scene.counts('nonce-2s')).keepalives >= 3);
    expect(await scene.counts('nonce-2s')).toMatchObject({ expired: 0, plays: 1, wrongAnswers: 0 });
  });

  it('and is shown nowhere', async () => {
    const { text } = await scene.proxy.rest('GET', '/api/v1/processlist');
    for (const shown of [text, scene.proxy.output]) {
      for (const secret of [HARD.password, encodeURIComponent(HARD.password), 'secret@']) {
        expect(shown).not.toContain(secret);
      }
    }
  });
});

describe('a password that is refused', () => {
  it.each<Name>(['wrong', 'wrong-both'])('is sent at most twice, and then not for minutes: %s', async (name) => {
    const { message } = await scene.failed(name, 'unauthorized');
    expect(message).toMatch(/refused the user name or (the )?password/);
    const { wrongAnswers } = await scene.counts(name);
    expect(wrongAnswers).toBeGreaterThan(0);
    expect(wrongAnswers).toBeLessThanOrEqual(2);
    const { chrysproxy } = await scene.proxy.camera(name);
    expect(Number(chrysproxy.next_attempt) - Date.now()).toBeGreaterThan(200_000);
  });

  it('is replaced at once when the camera is added again', async () => {
    await scene.proxy.removeCamera('wrong');
    await scene.add('wrong');
    await scene.running('wrong');
  });

  it('differs from a missing password', async () => {
    const { message } = await scene.failed('nobody', 'credentials_needed');
    expect(message).toMatch(/needs a user name and a password/i);
    expect(message).toMatch(/SHA-256/);
    expect((await scene.counts('nobody')).authorizations).toBe(0);
  });

  it('differs from a challenge that cannot be answered', async () => {
    const state = await scene.until('unknown-scheme', 'says why', ({ reason }) => reason !== null);
    expect(['auth_unsupported', 'credentials_needed']).toContain(state.reason);
  });
});
