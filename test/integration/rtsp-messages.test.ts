/** Cameras that deviate from the RFC: unusual messages, descriptions and addresses, and noise on the connection. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CameraOptions } from '../farm/fake-camera.js';
import { FakeCameras } from '../farm/fake-camera.js';
import { FakeCameraScene } from '../support/scene.js';
import { waitFor } from '../support/wait.js';

/** Each of these runs, shows every picture, and its session is set up at the first attempt. */
const CLEAN = {
  plain: {},
  'lf-line-ends': { rtsp: { lineEnds: 'lf' }, sdp: { lineEnds: 'lf' } },
  'odd-headers': { rtsp: { oddHeaders: true } },
  'no-cseq': { rtsp: { cseq: 'missing' } },
  'wrong-cseq': { rtsp: { cseq: 'wrong' } },
  'changing-session': { session: { changingId: true } },
  'base-of-nat': { sdp: { contentBase: 'nat' } },
  'base-of-nat-absolute': { sdp: { contentBase: 'nat', control: 'absolute' } },
  'base-with-query': { sdp: { contentBase: 'query' } },
  'no-base': { sdp: { contentBase: 'none' } },
  'absolute-control': { sdp: { control: 'absolute' } },
  'doubled-control': { sdp: { control: 'doubled' } },
  'no-scheme-control': { sdp: { control: 'no-scheme' } },
  'no-control': { sdp: { control: 'missing' } },
  'minimal-sdp': { sdp: { form: 'minimal', sprop: 'none' } },
  'broken-sdp': { sdp: { form: 'broken' } },
  'two-formats': { sdp: { form: 'two-formats' } },
  metadata: { sdp: { metadata: true } },
  'second-video': { sdp: { secondVideo: true } },
  'stray-data': { rtsp: { strayBeforePlay: true } },
  garbage: { rtsp: { garbageEvery: 5 } },
  'stray-answers': { rtsp: { strayAnswerEvery: 10 } },
  'own-channels': { rtsp: { channels: 6 } },
  'rtcp-with-rtp': { rtsp: { rtcpOnRtpChannel: true } },
  'no-tcp-in-transport': { rtsp: { transportWithoutTcp: true } },
  'camera-asks': { rtsp: { requests: ['OPTIONS', 'ANNOUNCE', 'SET_PARAMETER'], requestEveryMs: 500 } },
} satisfies Record<string, CameraOptions>;

const REDIRECTED = {
  moved: { rtsp: { redirect: '/elsewhere' }, auth: { schemes: ['md5'] } },
  loop: { rtsp: { redirect: 'loop' } },
  'asks-to-reconnect': { rtsp: { requests: ['REDIRECT'], requestEveryMs: 3000 } },
  'not-found': { rtsp: { refuse: { DESCRIBE: 404 } } },
  forbidden: { rtsp: { refuse: { DESCRIBE: 403 } } },
  lost: { rtsp: { refuse: { PLAY: 454 } } },
  option: { rtsp: { refuse: { SETUP: 551 } } },
  'server-error': {
    auth: { schemes: ['basic'], user: 'viewer', password: 'hunter2' },
    rtsp: { refuse: { DESCRIBE: 503 }, refusalText: 'Too hot\u0007 for rtsp://viewer:hunter2@127.0.0.1/cam' },
  },
  refused: { rtsp: { refuse: { PLAY: 455 } } },
  encrypted: { sdp: { encrypted: true } },
  'no-video': { sdp: { withoutVideo: true }, audio: { codec: 'aac' } },
  'other-codec': { sdp: { codecName: 'VP8' } },
} satisfies Record<string, CameraOptions>;

type Name = keyof typeof CLEAN | keyof typeof REDIRECTED | 'sent-away';

let scene: FakeCameraScene<Name>;
/** The host with another name to which "sent-away" redirects. */
let elsewhere: FakeCameras<'target'>;
let faults: ReadonlyMap<Name, readonly string[]>;

beforeAll(async () => {
  elsewhere = await FakeCameras.start({ target: {} });
  const target = elsewhere.url('target').replace('127.0.0.1', '127.0.0.2');
  scene = await FakeCameraScene.start<Name>({
    ...CLEAN,
    ...REDIRECTED,
    'sent-away': { rtsp: { redirect: target }, auth: { schemes: ['basic'] } },
  });
  faults = await scene.faultsOfAll(Object.keys(CLEAN) as Name[], 25);
});
afterAll(async () => {
  await scene.dispose();
  await elsewhere.stop();
});

describe('a camera runs, and every picture arrives', () => {
  it.each(Object.keys(CLEAN) as Name[])('%s', async (name) => {
    expect(faults.get(name)).toEqual([]);
    const { plays, refused } = await scene.counts(name);
    expect({ plays, refused }).toEqual({ plays: 1, refused: {} });
    expect((await scene.state(name)).stats).toMatchObject({ reconnects: 0, decode_errors: 0 });
  });

  it('and connecting takes at most four requests, the first of which is DESCRIBE', async () => {
    const { log, requestsToPlay } = await scene.counts('plain');
    expect(log.slice(0, 3).map(({ method }) => method)).toEqual(['DESCRIBE', 'SETUP', 'PLAY']);
    expect(requestsToPlay).toBeLessThanOrEqual(4);
    expect(log.every(({ userAgent }) => userAgent !== '')).toBe(true);
    expect((await scene.counts('plain')).lastHead.split('\r\n')[1]).toMatch(/^CSeq: \d+$/);
  });

  it('and only its first video track is set up, which is logged', async () => {
    expect((await scene.counts('metadata')).setups).toEqual({ video: 1 });
    expect((await scene.counts('second-video')).setups).toEqual({ video: 1 });
    expect(await scene.log('second-video')).toMatch(/second|another video|two video/i);
  });

  it('and its requests are answered', async () => {
    await waitFor('three answers', 60_000, async () => (await scene.counts('camera-asks')).answers >= 3);
  });
});

describe('a camera that redirects', () => {
  it('is followed on the same host, with its credentials', async () => {
    await scene.running('moved');
    expect(await scene.counts('moved')).toMatchObject({ plays: 1, wrongAnswers: 0 });
  });

  it('does not get the credentials sent to another host', async () => {
    await waitFor('the connection to the other host, or a reason', 60_000, async () => {
      const { connections } = await elsewhere.counts('target');
      return connections > 0 || (await scene.state('sent-away')).reason !== null;
    });
    expect((await elsewhere.counts('target')).authorizations).toBe(0);
  });

  it('endlessly fails with a reason after three redirects', async () => {
    const { message } = await scene.failed('loop', 'too_many_redirects');
    expect(message).toMatch(/redirect/i);
    const { requests, connections } = await scene.counts('loop');
    expect(requests['DESCRIBE'] ?? 0).toBeLessThanOrEqual(4 * connections);
  });

  it('while it plays is connected again', async () => {
    await waitFor('the second PLAY', 60_000, async () => (await scene.counts('asks-to-reconnect')).plays >= 2);
    expect(await scene.counts('asks-to-reconnect')).toMatchObject({ withoutTeardown: 0 });
  });
});

describe('a camera that refuses has a reason', () => {
  it.each<[Name, string, RegExp]>([
    ['not-found', 'not_found', /no such stream/i],
    ['forbidden', 'forbidden', /403|may not view/i],
    ['lost', 'session_lost', /454|session/i],
    ['option', 'option_unsupported', /551|option/i],
    ['server-error', 'camera_error', /503/],
    ['refused', 'request_refused', /455/],
    ['encrypted', 'encrypted_media', /SRTP/],
    ['no-video', 'no_video', /no video/i],
    ['other-codec', 'unsupported_codec', /VP8/],
  ])('%s: %s', async (name, reason, says) => {
    const { message } = await scene.failed(name, reason);
    expect(message).toMatch(says);
  });

  it('with the text of the camera, without control characters and passwords', async () => {
    const { message } = await scene.failed('server-error', 'camera_error');
    expect(message).toContain('Too hot');
    expect(message).not.toContain('\u0007');
    expect(message).not.toContain('hunter2');
  });
});
