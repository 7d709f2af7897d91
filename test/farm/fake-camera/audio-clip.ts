/** Audio as the packets that a camera sends: a tone of 440 Hz. */
import { execFileSync } from 'node:child_process';
import { BitWriter } from './bits.js';
import type { AudioOptions } from './options.js';

const SECONDS = 4;

export interface AudioClip {
  readonly payloadType: number;
  /** The value of rtpmap. */
  readonly rtpmap: string;
  readonly fmtp: string;
  readonly clockRate: number;
  /** Ticks of the clock in one packet. */
  readonly packetTicks: number;
  /** RTP payloads, which are sent in a loop. */
  readonly payloads: readonly Buffer[];
}

/** AudioSpecificConfig (ISO 14496-3, 1.6.2.1) of AAC-LC with 16 kHz, mono: object type 2, frequency index 8, 1 channel. */
const AAC_CONFIG = 0x1408;
const AAC_RATE = 16_000;
const AAC_SAMPLES = 1024;

const loaded = new Map<AudioOptions['codec'], AudioClip>();

export function loadAudio(codec: AudioOptions['codec']): AudioClip {
  const known = loaded.get(codec);
  if (known !== undefined) return known;
  const made = make(codec);
  loaded.set(codec, made);
  return made;
}

function make(codec: AudioOptions['codec']): AudioClip {
  switch (codec) {
    case 'aac':
      return {
        ...{ payloadType: 97, rtpmap: `MPEG4-GENERIC/${AAC_RATE}/1`, clockRate: AAC_RATE, packetTicks: AAC_SAMPLES },
        fmtp:
          'streamtype=5; profile-level-id=15; mode=AAC-hbr; sizeLength=13; indexLength=3; indexDeltaLength=3; ' +
          `config=${AAC_CONFIG.toString(16)}`,
        payloads: aacFrames().map((frame) => {
          const head = Buffer.from([0, 16, (frame.length << 3) >> 8, (frame.length << 3) & 0xff]);
          return Buffer.concat([head, frame]);
        }),
      };
    case 'latm':
      return {
        ...{ payloadType: 97, rtpmap: `MP4A-LATM/${AAC_RATE}/1`, clockRate: AAC_RATE, packetTicks: AAC_SAMPLES },
        fmtp: `profile-level-id=15; object=2; cpresent=0; config=${latmConfig().toString('hex')}`,
        payloads: aacFrames().map((frame) => {
          const size = [...Array<number>(Math.floor(frame.length / 255)).fill(255), frame.length % 255];
          return Buffer.concat([Buffer.from(size), frame]);
        }),
      };
    case 'opus':
      return {
        ...{ payloadType: 97, rtpmap: 'opus/48000/2', clockRate: 48_000, packetTicks: 960, fmtp: 'sprop-stereo=0' },
        payloads: oggPackets(encoded(48_000, '-c:a', 'libopus', '-b:a', '32k', '-f', 'ogg')).slice(2),
      };
    case 'pcmu':
      return raw(0, 'PCMU/8000', 8000, 160, encoded(8000, '-c:a', 'pcm_mulaw', '-f', 'mulaw'));
    case 'pcma':
      return raw(8, 'PCMA/8000', 8000, 160, encoded(8000, '-c:a', 'pcm_alaw', '-f', 'alaw'));
    case 'l16':
      return raw(97, 'L16/16000/1', 16_000, 640, encoded(16_000, '-c:a', 'pcm_s16be', '-f', 's16be'));
    case 'g726':
      return raw(97, 'G726-32/8000', 8000, 80, encoded(8000, '-c:a', 'g726le', '-b:a', '32k', '-f', 'g726le'));
  }
}

/** Packets of 20 ms. */
function raw(payloadType: number, rtpmap: string, clockRate: number, bytes: number, samples: Buffer): AudioClip {
  const payloads = Array.from({ length: Math.floor(samples.length / bytes) }, (_, index) =>
    samples.subarray(index * bytes, (index + 1) * bytes),
  );
  return { payloadType, rtpmap, fmtp: '', clockRate, packetTicks: clockRate / 50, payloads };
}

function encoded(rate: number, ...codec: readonly string[]): Buffer {
  const tone = ['-f', 'lavfi', '-i', `sine=440:sample_rate=${rate}:duration=${SECONDS}`, '-ac', '1'];
  return execFileSync('ffmpeg', ['-nostdin', '-v', 'error', ...tone, ...codec, 'pipe:1']);
}

function aacFrames(): Buffer[] {
  const adts = encoded(AAC_RATE, '-c:a', 'aac', '-b:a', '32k', '-f', 'adts');
  const frames: Buffer[] = [];
  for (let at = 0; at + 7 <= adts.length;) {
    const size = (((adts[at + 3] ?? 0) & 3) << 11) | ((adts[at + 4] ?? 0) << 3) | ((adts[at + 5] ?? 0) >> 5);
    frames.push(adts.subarray(at + 7, at + size));
    at += size;
  }
  return frames;
}

/** StreamMuxConfig (ISO 14496-3, 1.7.3): one program, one layer. */
function latmConfig(): Buffer {
  return new BitWriter()
    .put(0, 1) // audioMuxVersion
    .put(1, 1) // allStreamsSameTimeFraming
    .put(0, 6) // numSubFrames
    .put(0, 4) // numProgram
    .put(0, 3) // numLayer
    .put(AAC_CONFIG, 16)
    .put(0, 3) // frameLengthType
    .put(0xff, 8) // latmBufferFullness
    .put(0, 2) // otherDataPresent, crcCheckPresent
    .bytes();
}

/** The packets of an Ogg file (RFC 3533), headers included. No packet is longer than a page. */
function oggPackets(ogg: Buffer): Buffer[] {
  const packets: Buffer[] = [];
  for (let page = 0; page + 27 <= ogg.length;) {
    const lacing = ogg.subarray(page + 27, page + 27 + (ogg[page + 26] ?? 0));
    let start = page + 27 + lacing.length;
    let end = start;
    for (const bytes of lacing) {
      end += bytes;
      if (bytes === 255) continue;
      packets.push(ogg.subarray(start, end));
      start = end;
    }
    page = end;
  }
  return packets;
}
