/** The SDP of a camera (RFC 4566). */
import { loadAudio } from './audio-clip.js';
import { type Clip, loadClip } from './clip.js';
import type { CameraOptions } from './options.js';

export const VIDEO_PAYLOAD_TYPE = 96;
export const JPEG_PAYLOAD_TYPE = 26;

export const TRACKS = ['video', 'second', 'audio', 'metadata', 'back'] as const;
export type Track = (typeof TRACKS)[number];

/** `base`: the URL that controls are relative to, without a slash at its end. */
export function describe(options: CameraOptions, clip: Clip, base: string): string {
  const { sdp = {}, audio, rtsp = {} } = options;
  const control = (track: Track): string[] => {
    switch (sdp.control ?? 'relative') {
      case 'relative':
        return [`a=control:track=${track}`];
      case 'absolute':
        return [`a=control:${base}/track=${track}`];
      case 'doubled':
        return [`a=control:${base}/${base}/track=${track}`];
      case 'no-scheme':
        return [`a=control:${base.replace(/^rtsps?:\/\//, '')}/track=${track}`];
      case 'missing':
        return [];
    }
  };
  const profile = sdp.encrypted ? 'RTP/SAVP' : 'RTP/AVP';
  const address = rtsp.transports === 'multicast' ? [`c=IN IP4 ${MULTICAST_GROUP}/1`] : [];
  const lines = [...head(options)];
  if (!sdp.withoutVideo) lines.push(...videoLines(options, clip, profile), ...address, ...control('video'));
  if (sdp.secondVideo) {
    lines.push('m=video 0 RTP/AVP 98', 'a=rtpmap:98 H264/90000', ...control('second'));
  }
  if (audio !== undefined) {
    const { payloadType, rtpmap, fmtp } = loadAudio(audio.codec);
    lines.push(`m=audio 0 RTP/AVP ${payloadType}`, `a=rtpmap:${payloadType} ${rtpmap}`);
    if (fmtp !== '') lines.push(`a=fmtp:${payloadType} ${fmtp}`);
    lines.push(...control('audio'));
  }
  if (sdp.metadata) {
    lines.push('m=application 0 RTP/AVP 107', 'a=rtpmap:107 vnd.onvif.metadata/90000', ...control('metadata'));
  }
  if (sdp.backChannel) {
    lines.push('m=audio 0 RTP/AVP 0', 'a=rtpmap:0 PCMU/8000', 'a=sendonly', ...control('back'));
  }
  const end = sdp.lineEnds === 'lf' ? '\n' : '\r\n';
  return lines.map((line) => line + end).join('');
}

/** A multicast address for documentation, RFC 6676. */
export const MULTICAST_GROUP = '233.252.0.17';

function head({ sdp = {} }: CameraOptions): string[] {
  if (sdp.form === 'minimal') return [];
  if (sdp.form === 'broken') return ['v=zero', 'o=', 's', 'c=IN', 't=now', 'b=AS:', 'k=?', 'a', 'nonsense'];
  const range = sdp.clockRange ? [`a=range:clock=${clockTime(new Date())}-`] : ['a=range:npt=now-'];
  const session = ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=fake camera', 'c=IN IP4 0.0.0.0', 't=0 0'];
  return [...session, 'a=control:*', ...range];
}

/** UTC time in the form of RFC 2326, 3.7. */
export function clockTime(moment: Date): string {
  return moment
    .toISOString()
    .replaceAll(/[-:]/g, '')
    .replace(/(\.\d{2})\d/, '$1');
}

function videoLines({ sdp = {}, video = {} }: CameraOptions, clip: Clip, profile: string): string[] {
  const framerate = sdp.framerate === undefined ? [] : [`a=framerate:${sdp.framerate}`];
  const key = sdp.encrypted
    ? ['a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA']
    : [];
  if (clip.codec === 'mjpeg') {
    const dimensions = video.jpegSize === 'x-dimensions' ? [`a=x-dimensions:${clip.width},${clip.height}`] : [];
    return [`m=video 0 ${profile} ${JPEG_PAYLOAD_TYPE}`, ...dimensions, ...framerate];
  }
  const name = sdp.codecName ?? (clip.codec === 'hevc' ? 'H265' : 'H264');
  const pt = VIDEO_PAYLOAD_TYPE;
  const lines = [`m=video 0 ${profile} ${pt}`, `a=rtpmap:${pt} ${name}/90000`, ...framerate, ...key];
  if (sdp.form === 'two-formats') {
    lines[0] = `m=video 0 ${profile} ${pt} 99`;
    lines.splice(1, 0, 'a=rtpmap:120 H265/90000');
  }
  const format = formatParameters(clip, sdp.sprop ?? 'whole', sdp.spropOf);
  return format === '' ? lines : [...lines, `a=fmtp:${pt} ${format}`];
}

function formatParameters(clip: Clip, form: 'whole' | 'none' | 'empty' | 'half', of: string | undefined): string {
  const sets = of === undefined ? clip.sets : loadClip(of).sets;
  const coded = sets.map((set) => (form === 'empty' ? '' : set.toString('base64')));
  if (clip.codec === 'hevc') {
    if (form === 'none') return '';
    const names = form === 'half' ? ['vps', 'sps'] : ['vps', 'sps', 'pps'];
    return names.map((name, at) => `sprop-${name}=${coded[at] ?? ''}`).join('; ');
  }
  if (form === 'none') return 'packetization-mode=1';
  const level = sets[0]?.subarray(1, 4).toString('hex') ?? '';
  const sprop = form === 'empty' ? '' : form === 'half' ? `${coded[0] ?? ''},` : coded.join(',');
  return `packetization-mode=1; profile-level-id=${level}; sprop-parameter-sets=${sprop}`;
}
