/** RTP payloads of one picture: H.264 (RFC 6184), HEVC (RFC 7798) and JPEG (RFC 2435). */
import { type Clip, delimiter, isParameterSet, isSlice, nalType, seiNal, type Unit } from './clip.js';
import type { VideoOptions } from './options.js';

export interface Payload {
  readonly data: Buffer;
  readonly marker: boolean;
  /** Has the timestamp of the picture before. */
  readonly previousTime?: boolean;
  /** An RTP header extension: profile and contents, a multiple of 4 bytes. */
  readonly extension?: { readonly profile: number; readonly data: Buffer };
}

const START_CODE = Buffer.from([0, 0, 0, 1]);

/** `index`: number of the picture in the session, from 0. */
export function payloadsOf(clip: Clip, unit: Unit, index: number, video: VideoOptions, maxBytes: number): Payload[] {
  if (clip.codec === 'mjpeg') return jpegPayloads(clip, unit.nals[0] ?? Buffer.alloc(0), video, maxBytes);
  const { codec } = clip;
  let nals = unit.nals.filter((nal) => !(video.without ?? []).includes(nalType(codec, nal)));
  const seis = Array.from({ length: video.seiPerPicture ?? 0 }, (_, at) => seiNal(codec, index * 1000 + at));
  const firstSlice = nals.findIndex((nal) => isSlice(codec, nal));
  nals.splice(firstSlice, 0, ...seis);
  if (video.accessUnitDelimiters) nals.unshift(delimiter(codec));
  if (video.annexBInNal && unit.keyframe) {
    const joined = nals.flatMap((nal) => [START_CODE, nal]).slice(1);
    nals = [Buffer.concat(joined)];
  }
  const payloads: Payload[] = [];
  if (video.aggregate) {
    const small = nals.filter((nal) => !isSlice(codec, nal));
    if (small.length > 1) {
      payloads.push({ data: aggregation(codec, small), marker: false });
      nals = nals.filter((nal) => isSlice(codec, nal));
    }
  }
  for (const [at, nal] of nals.entries()) {
    const fragments = fragmentsOf(codec, nal, maxBytes, video.oddFragments ?? false);
    const last = at === nals.length - 1 || ((video.markerEverySlice ?? false) && isSlice(codec, nal));
    const previousTime = (video.setsWithPreviousTime ?? false) && isParameterSet(codec, nal);
    for (const [part, data] of fragments.entries()) {
      payloads.push({ data, marker: (last || previousTime) && part === fragments.length - 1, previousTime });
    }
  }
  if (video.trailingSei) {
    for (const part of [0, 1]) payloads.push({ data: seiNal(codec, index * 1000 + 900 + part), marker: true });
  }
  return payloads;
}

/** STAP-A or AP. */
function aggregation(codec: Clip['codec'], nals: readonly Buffer[]): Buffer {
  const head = codec === 'hevc' ? Buffer.from([48 << 1, 1]) : Buffer.from([0x78]);
  return Buffer.concat([head, ...nals.flatMap((nal) => [Buffer.from([nal.length >> 8, nal.length & 0xff]), nal])]);
}

function fragmentsOf(codec: Clip['codec'], nal: Buffer, maxBytes: number, odd: boolean): Buffer[] {
  if (nal.length <= maxBytes && !odd) return [nal];
  const headBytes = codec === 'hevc' ? 2 : 1;
  const body = nal.subarray(headBytes);
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; at += maxBytes) parts.push(body.subarray(at, at + maxBytes));
  if (odd && parts.length > 1) parts.splice(1, 0, Buffer.alloc(0));
  return parts.map((part, at) => {
    const flags = (at === 0 ? 0x80 : 0) | (at === parts.length - 1 ? 0x40 : 0);
    const type = nalType(codec, nal);
    const first = nal[0] ?? 0;
    const head =
      codec === 'hevc' ? [(first & 0x81) | (49 << 1), nal[1] ?? 0, flags | type] : [(first & 0xe0) | 28, flags | type];
    return Buffer.concat([Buffer.from(head), part]);
  });
}

function jpegPayloads(clip: Clip, file: Buffer, video: VideoOptions, maxBytes: number): Payload[] {
  const { tables, scan, type, frameHeader } = jpegParts(file);
  const size = [clip.width, clip.height].map((pixels) =>
    pixels > 2040 ? ((pixels + 7) >> 3) & 0xff : (pixels + 7) >> 3,
  );
  const payloads: Payload[] = [];
  for (let offset = 0; offset < scan.length;) {
    const head = Buffer.from([0, offset >> 16, (offset >> 8) & 0xff, offset & 0xff, type, 255, ...size]);
    const quantisation =
      offset === 0 ? Buffer.concat([Buffer.from([0, 0, 0, tables.length]), tables]) : Buffer.alloc(0);
    const part = scan.subarray(offset, offset + maxBytes - quantisation.length);
    const padded = Buffer.concat([frameHeader, Buffer.alloc((4 - (frameHeader.length % 4)) % 4, 0xff)]);
    payloads.push({
      data: Buffer.concat([head, quantisation, part]),
      marker: offset + part.length === scan.length,
      ...(video.jpegSize === 'extension' && offset === 0 ? { extension: { profile: 0xffd8, data: padded } } : {}),
    });
    offset += part.length;
  }
  return payloads;
}

/** The luma and the chroma table, the scan without EOI, the RTP type (0: 4:2:2, 1: 4:2:0), and the SOF0 segment. */
function jpegParts(file: Buffer): { tables: Buffer; scan: Buffer; type: number; frameHeader: Buffer } {
  const tables = new Map<number, Buffer>();
  let frameHeader = Buffer.alloc(0);
  let at = 2;
  while (file[at] === 0xff && file[at + 1] !== 0xda) {
    const marker = file[at + 1] ?? 0;
    const size = file.readUInt16BE(at + 2);
    const segment = file.subarray(at, at + 2 + size);
    if (marker === 0xdb) {
      for (let table = 4; table < segment.length; table += 65) {
        tables.set((segment[table] ?? 0) & 15, segment.subarray(table + 1, table + 65));
      }
    }
    if (marker === 0xc0) frameHeader = Buffer.from(segment);
    at += 2 + size;
  }
  const scanStart = at + 2 + file.readUInt16BE(at + 2);
  const end = file.lastIndexOf(Buffer.from([0xff, 0xd9]));
  const tableOf = (component: number): Buffer =>
    tables.get(frameHeader[10 + component * 3 + 2] ?? 0) ?? Buffer.alloc(64);
  return {
    tables: Buffer.concat([tableOf(0), tableOf(1)]),
    scan: file.subarray(scanStart, end < 0 ? file.length : end),
    type: frameHeader[11] === 0x22 ? 1 : 0,
    frameHeader,
  };
}
