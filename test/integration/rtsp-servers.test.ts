/** RTSP servers of other projects: VLC, which supports only UDP, and gst-rtsp-server with all its features. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Farm, type MountOptions } from '../farm/farm.js';
import { CertificateAuthority, type CertificateFiles } from '../support/certificates.js';
import { Proxy } from '../support/proxy.js';
import { fileFaults } from '../support/picture-checks.js';
import { ProxyScene } from '../support/scene.js';
import { RtspTap } from '../support/rtsp-tap.js';
import { probed } from '../support/segments.js';
import { Vlc } from '../support/vlc.js';
import { waitFor } from '../support/wait.js';

const run = promisify(execFile);
const CLIP = 'h264-320x240-25-g25-4s';
const BOUND_MS = 60_000;
const RECORDED = { buffer: { on_disk: true, on_disk_clean_older_than: '1h' } };

const PICTURES = 25;

async function startProxy(): Promise<ProxyScene> {
  return new ProxyScene(await Proxy.start({ config: RECORDED }));
}

/** Codec of the audio track; '' when there is none. */
async function audioCodecOf(path: string): Promise<string> {
  const entries = ['-select_streams', 'a', '-show_entries', 'stream=codec_name', '-of', 'csv=p=0'];
  return (await run('ffprobe', ['-v', 'error', ...entries, path])).stdout.trim();
}

/** The complaints of FFmpeg when it decodes the whole file. */
async function complaintsAbout(path: string): Promise<string> {
  return (await run('ffmpeg', ['-nostdin', '-v', 'error', '-i', path, '-f', 'null', '-'])).stderr;
}

describe('VLC', () => {
  let vlc: Vlc;
  let tap: RtspTap;
  let scene: ProxyScene;

  beforeAll(async () => {
    vlc = await Vlc.start(CLIP);
    tap = await RtspTap.start(vlc.port);
    scene = await startProxy();
    await scene.proxy.addCamera('vlc', `rtsp://127.0.0.1:${tap.port}/x`);
    await scene.running('vlc', BOUND_MS);
  });
  afterAll(async () => {
    await scene.dispose();
    await tap.stop();
    await vlc.stop();
  });

  it('refuses TCP, and sends whole pictures over UDP', async () => {
    expect(await scene.faultsOf('vlc', PICTURES)).toEqual([]);
    const { learned, stats, stream } = await scene.state('vlc');
    expect(learned?.transport).toBe('udp');
    expect(stats).toMatchObject({ reconnects: 0, decode_errors: 0 });
    expect(stream).toMatchObject({ codec: 'h264', width: 320, height: 240 });
    expect(tap.requests).toEqual(['DESCRIBE', 'SETUP', 'SETUP', 'PLAY']);
    expect(tap.answers).toEqual([200, 461, 200, 200]);
  });

  it('is recorded', async () => {
    const files = await scene.recorded('vlc', 4);
    expect(await fileFaults(files.slice(1))).toEqual([]);
  });

  it('gets TEARDOWN when the camera is removed, and answers it', async () => {
    await scene.proxy.removeCamera('vlc');
    await waitFor('the answer to TEARDOWN', BOUND_MS, () => tap.answers.length >= 5);
    expect(tap.requests.at(-1)).toBe('TEARDOWN');
    expect(tap.answers.at(-1)).toBe(200);
  });
});

const MOUNTS = {
  ipv6: { clip: CLIP, host: '::1' },
  'ipv6-udp': { clip: CLIP, host: '::1', protocol: 'udp' },
  udp: { clip: CLIP, protocol: 'udp' },
  tcp: { clip: CLIP, protocol: 'tcp' },
  digest: { clip: CLIP, user: 'viewer', password: 'secret' },
  basic: { clip: CLIP, user: 'viewer', password: 'secret', auth: 'basic' },
  'b-frames': { clip: 'h264-320x240-25-g25-b2-4s' },
  'hevc-b-frames': { clip: 'hevc-320x240-25-g25-b2-4s' },
  opus: { clip: CLIP, sound: 'opus' },
  aac: { clip: CLIP, sound: 'aac' },
  'aac-udp': { clip: CLIP, sound: 'aac', protocol: 'udp' },
  pcmu: { clip: CLIP, sound: 'pcmu' },
  mjpeg: { clip: 'mjpeg-320x240-10-g1-4s' },
} satisfies Record<string, Omit<MountOptions, 'path'>>;
type MountName = keyof typeof MOUNTS;
const NAMES = Object.keys(MOUNTS) as MountName[];
const INTER_CODED = NAMES.filter((name) => name !== 'mjpeg');
const WITHOUT_AUDIO = INTER_CODED.filter((name) => !('sound' in MOUNTS[name]));

describe('gst-rtsp-server', () => {
  let folder: string;
  let authority: CertificateAuthority;
  let tls: CertificateFiles;
  let farm: Farm;
  let scene: ProxyScene;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'chrysproxy-servers-'));
    authority = new CertificateAuthority(folder, 'camera-ca');
    tls = authority.sign('camera');
    const mounts: MountOptions[] = NAMES.map((path) => ({ path, ...MOUNTS[path] }));
    const secure = { path: 'tls', clip: CLIP, tls, user: 'viewer', password: 'secret' };
    farm = await Farm.start({ mounts: [...mounts, secure] });
    scene = await startProxy();
    for (const path of NAMES)
      await scene.proxy.addCamera(path, farm.url(path), { record_audio: 'sound' in MOUNTS[path] });
    for (const verify of ['pin', 'none', 'verify']) {
      await scene.proxy.addCamera(`tls-${verify}`, farm.url('tls'), { tls_verify: verify });
    }
    for (const path of NAMES) await scene.running(path, BOUND_MS);
  });
  afterAll(async () => {
    await scene.dispose();
    await farm.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(INTER_CODED)('sends whole pictures in order: %s', async (name) => {
    expect(await scene.faultsOf(name, PICTURES)).toEqual([]);
    expect((await scene.state(name)).stats).toMatchObject({ reconnects: 0, decode_errors: 0 });
  });

  it.each(WITHOUT_AUDIO)('is recorded: %s', async (name) => {
    const files = await scene.recorded(name, 4);
    const codec = name.startsWith('hevc') ? 'hevc' : 'h264';
    expect(await fileFaults(files.slice(1, 4), { codec })).toEqual([]);
  });

  it.each<[MountName, string]>([
    ['aac', 'aac'],
    ['aac-udp', 'aac'],
    ['opus', 'opus'],
  ])('has audio that is recorded: %s', async (name, codec) => {
    for (const { path } of (await scene.recorded(name, 4)).slice(1, 4)) {
      expect(await audioCodecOf(path)).toBe(codec);
      expect(await complaintsAbout(path)).toBe('');
    }
  });

  it('has audio that mp4 cannot hold, which is logged', async () => {
    await waitFor('the log line', BOUND_MS, async () =>
      /Audio is not recorded.*pcm_mulaw/.test(await scene.log('pcmu')),
    );
    const [, file] = await scene.recorded('pcmu', 2);
    expect(await audioCodecOf(file?.path ?? '')).toBe('');
  });

  it('is used over UDP and TCP at the same time', async () => {
    const transports = await Promise.all(
      (['udp', 'aac-udp', 'ipv6-udp', 'tcp'] as const).map(
        async (name) => (await scene.state(name)).learned?.transport,
      ),
    );
    expect(transports).toEqual(['udp', 'udp', 'udp', 'tcp']);
  });

  it('gets the authentication scheme that it offers', async () => {
    expect((await scene.state('digest')).learned?.authentication).toBe('Digest MD5');
    expect((await scene.state('basic')).learned?.authentication).toBe('Basic');
  });

  it('sends MJPEG: whole pictures, with their size, and files of a second', async () => {
    expect(await scene.faultsOf('mjpeg', 10, 40)).toEqual([]);
    const { stream, stats } = await scene.state('mjpeg');
    expect(stream).toMatchObject({ codec: 'mjpeg', width: 320, height: 240 });
    expect(stats).toMatchObject({ reconnects: 0, decode_errors: 0 });
    const files = (await scene.recorded('mjpeg', 5)).slice(1, 4);
    for (const { path } of files) {
      const found = await probed(path);
      expect(found).toMatchObject({ complaints: '', codec: 'mjpeg', width: 320, height: 240, firstIsKeyframe: true });
      expect(found.packets).toBeGreaterThanOrEqual(9);
      expect(found.packets).toBeLessThanOrEqual(13);
      expect(await complaintsAbout(path)).toBe('');
    }
    expect(await scene.log('mjpeg')).not.toMatch(/swscaler/);
  });

  it('is used over TLS, and its certificate is remembered and shown', async () => {
    for (const name of ['tls-pin', 'tls-none']) {
      await scene.running(name);
      expect(await scene.faultsOf(name, PICTURES)).toEqual([]);
    }
    expect((await scene.state('tls-pin')).learned?.certificate).toMatch(/^[0-9a-f]{64}$/);
    const { message } = await scene.failed('tls-verify', 'certificate_untrusted');
    expect(message).toMatch(/tls_verify/);
  });

  it('without TLS has a reason when the URL begins with rtsps', async () => {
    await scene.proxy.addCamera('no-tls', farm.url('tcp').replace('rtsp:', 'rtsps:'));
    const { message } = await scene.failed('no-tls', 'tls_failed', BOUND_MS);
    expect(message).toMatch(/TLS/);
    await scene.proxy.removeCamera('no-tls');
  });

  it('gets TEARDOWN for each session when the proxy ends', async () => {
    expect((await farm.counts()).sessions).toBeGreaterThanOrEqual(NAMES.length);
    expect(await scene.proxy.end()).toBe(0);
    // Without TEARDOWN the sessions over UDP last for another minute.
    await waitFor('the end of each session', 30_000, async () => (await farm.counts()).sessions === 0);
    await scene.proxy.resume();
  });

  it('with another certificate is refused by a camera that remembers the first', async () => {
    for (const name of ['tls-pin', 'tls-none']) await scene.running(name, BOUND_MS);
    const first = (await scene.state('tls-pin')).learned?.certificate;
    await farm.changeCertificate('tls', authority.sign('another'));
    await farm.disconnect();
    await scene.failed('tls-pin', 'certificate_changed', BOUND_MS);
    expect((await scene.state('tls-pin')).learned?.certificate).toBe(first);
    await scene.until(
      'tls-none',
      'runs again',
      ({ phase, stats }) => phase === 'running' && stats.reconnects > 0,
      BOUND_MS,
    );
  });
});
