import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { CONTROL } from '../../src/gen/ring-layout.js';
import { PacketReader } from '../../src/rings/packet-reader.js';
import { makeClip } from '../farm/clips.js';
import { clipFile } from '../support/ffmpeg.js';
import { waitFor } from '../support/wait.js';
import { addon, CaptureRig } from './capture-rig.js';

const run = promisify(execFile);
const BOUND_MS = 30_000;
const CLIP = 'h264-640x480-25-g25';
const PACKETS = 110;
const AUDIO_RING_BYTES = 4 * 1024 * 1024;
const AUDIO_ENTRIES = 4096;

/** Encoder options, and the number of samples in a packet. */
const SOURCES = {
  aac: { encoder: ['aac', '-ar', '44100'], rate: 44_100, samples: 1024, codec: 'aac' },
  opus: { encoder: ['libopus'], rate: 48_000, samples: 960, codec: 'opus' },
  opusShort: { encoder: ['libopus', '-frame_duration', '2.5'], rate: 48_000, samples: 120, codec: 'opus' },
  opusLong: { encoder: ['libopus', '-frame_duration', '60'], rate: 48_000, samples: 2880, codec: 'opus' },
} as const;
type Source = keyof typeof SOURCES;
const NAMES = Object.keys(SOURCES) as Source[];

interface Played {
  readonly rig: CaptureRig;
  readonly audioRing: SharedArrayBuffer;
}

let folder: string;
const played = new Map<string, Played>();

/** Plays the clip with a tone in this codec until there are some GOPs. */
async function play(name: string, container: string, encoder: readonly string[]): Promise<void> {
  const file = join(folder, `${name}.${container}`);
  const tone = ['-f', 'lavfi', '-i', 'sine=frequency=440:duration=8', '-map', '0:v', '-map', '1:a', '-shortest'];
  await run('ffmpeg', ['-v', 'error', '-i', clipFile(CLIP), ...tone, '-c:v', 'copy', '-c:a', ...encoder, file]);
  const rig = new CaptureRig({ minPackets: PACKETS });
  const audioRing = new SharedArrayBuffer(AUDIO_RING_BYTES);
  addon.initPacketRing(new Uint8Array(audioRing), AUDIO_ENTRIES, AUDIO_ENTRIES / 2, 1);
  played.set(name, { rig, audioRing });
  rig.start(file, { audioRing: new Uint8Array(audioRing) });
  await waitFor('packets', BOUND_MS, () => rig.control.getI64(CONTROL.packetsI64) >= PACKETS);
  await rig.stop();
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'chrysproxy-audio-'));
  makeClip(CLIP);
  await Promise.all([
    ...NAMES.map((name) => play(name, 'mp4', SOURCES[name].encoder)),
    play('telephone', 'mov', ['pcm_mulaw', '-ar', '8000']),
  ]);
});

afterAll(async () => {
  for (const { rig } of played.values()) await rig.dispose();
  rmSync(folder, { recursive: true, force: true });
});

function of(name: string): Played {
  const found = played.get(name);
  if (found === undefined) throw new Error(`${name} was not played`);
  return found;
}

/** A segment of two GOPs. */
function segment(name: string): string {
  const { rig, audioRing } = of(name);
  const keyframes = [...new PacketReader(rig.packetRing).decodable()].filter(({ keyframe }) => keyframe);
  const path = join(folder, `${name}-segment.mp4`);
  const facts = addon.writeSegment({
    packetRing: new Uint8Array(rig.packetRing),
    audioRing: new Uint8Array(audioRing),
    firstSequence: keyframes[1]!.sequence,
    endSequence: keyframes[3]!.sequence,
    stream: rig.streams[0]!,
    path,
  });
  expect(facts?.audio).toBe(name !== 'telephone');
  return path;
}

/** Pictures and audio between two moments: from the segment, and after its end from memory. */
function clip(name: string, path: string): string {
  const { rig, audioRing } = of(name);
  const arrivals = [...new PacketReader(rig.packetRing).decodable()].map(({ arrivalUs }) => arrivalUs);
  const room = new Uint8Array(new SharedArrayBuffer(2 * 1024 * 1024));
  const handle = addon.openClip({
    packetRing: new Uint8Array(rig.packetRing),
    audioRing: new Uint8Array(audioRing),
    cancel: new Uint8Array(new SharedArrayBuffer(4)),
    paths: [path],
    streams: rig.streams,
    fromUs: arrivals[30]!,
    toUs: arrivals[95]!,
  });
  const pieces: Uint8Array[] = [];
  for (let answer = addon.nextHistoryPiece(handle, room); answer !== undefined; answer = addon.nextHistoryPiece(handle, room)) {
    pieces.push(room.slice(answer.offset, answer.offset + answer.bytes));
  }
  const file = join(folder, `${name}-clip.mp4`);
  writeFileSync(file, Buffer.concat(pieces));
  return file;
}

async function probed(file: string) {
  const decoded = await run('ffmpeg', ['-v', 'warning', '-xerror', '-i', file, '-f', 'null', '-']);
  expect(decoded.stderr).toBe('');
  const entries = 'stream=codec_name,codec_type,sample_rate,channels,duration:packet=codec_type,duration,pts';
  const { stdout, stderr } = await run('ffprobe', ['-v', 'warning', '-show_entries', entries, '-of', 'json', file]);
  expect(stderr).toBe('');
  const { streams, packets } = JSON.parse(stdout) as {
    streams: { codec_name: string; codec_type: string; sample_rate?: string; channels?: number; duration: string }[];
    packets: { codec_type: string; duration: number; pts: number }[];
  };
  return { streams, packets: packets.filter(({ codec_type }) => codec_type === 'audio') };
}

describe('audio in recordings', () => {
  it.each(NAMES)('is kept as it is: %s', async (name) => {
    const { codec, rate, samples } = SOURCES[name];
    const path = segment(name);
    const recorded = await probed(path);
    const made = await probed(clip(name, path));
    for (const [{ streams, packets }, seconds] of [
      [recorded, 2],
      [made, 66 / 25],
    ] as const) {
      expect(streams.map(({ codec_name }) => codec_name)).toEqual(['h264', codec]);
      const audio = streams[1]!;
      expect(audio).toMatchObject({ sample_rate: String(rate), channels: 1 });
      expect(Math.abs(Number(audio.duration) - seconds)).toBeLessThan(0.1);
      expect(packets.length).toBeGreaterThan((0.9 * seconds * rate) / samples);
      // FFprobe shortens the last packet of a track by the time at which the track begins.
      expect(packets.slice(0, -1).filter(({ duration }) => Math.abs(duration - samples) > 1)).toEqual([]);
      // The last packet of a segment is cut off where the pictures end.
      const missing = packets.length * samples - Number(audio.duration) * rate;
      expect(missing).toBeGreaterThan(-samples / 10);
      expect(missing).toBeLessThan(samples);
    }
  });

  it('is left out where mp4 cannot hold it, and the log names the codec', async () => {
    expect(of('telephone').rig.logs).toContain('Audio is not recorded: mp4 cannot hold pcm_mulaw.');
    expect((await probed(segment('telephone'))).streams.map(({ codec_name }) => codec_name)).toEqual(['h264']);
  });
});
