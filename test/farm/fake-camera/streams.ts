/** The data of a playing session: pictures, audio and sender reports, in real time. */
import { loadAudio } from './audio-clip.js';
import type { Clip, Unit } from './clip.js';
import type { Counters } from './counters.js';
import type { CameraOptions } from './options.js';
import { type Payload, payloadsOf } from './payloads.js';
import { modulo32, RtpTrack } from './rtp-track.js';
import { JPEG_PAYLOAD_TYPE, VIDEO_PAYLOAD_TYPE } from './sdp.js';

const VIDEO_CLOCK = 90_000;
const DEFAULT_START = 123_456;
const DEFAULT_PAYLOAD_BYTES = 1400;
const UNKNOWN_PAYLOAD_TYPE = 110;
const REPORT_EVERY_MS = 2000;
const DEFAULT_STEP_AFTER_MS = 5000;
const DEFAULT_JUMP_AFTER_MS = 5000;
const DEFAULT_OUTLIER_EVERY = 50;

export interface Switches {
  frozen: boolean;
  /** Number of next video packets that are lost. */
  drop: number;
}

export interface StreamContext {
  readonly options: CameraOptions;
  /** Played in turn. */
  readonly clips: readonly Clip[];
  readonly firstSession: boolean;
  readonly counters: Counters;
  readonly switches: Switches;
  readonly send: (packet: Buffer, rtcp: boolean) => void;
  /** Writes bytes to the RTSP connection without a frame. */
  readonly raw: (bytes: Buffer | string) => void;
}

/** Calls `tick` with 0, 1, 2 …, each `dueMs` milliseconds after the start. A late metronome catches up. */
class Metronome {
  #timer: NodeJS.Timeout | undefined;
  readonly #startMs = performance.now();

  constructor(dueMs: (count: number) => number, tick: (count: number) => void) {
    const wait = (count: number): void => {
      const inMs = this.#startMs + dueMs(count) - performance.now();
      this.#timer = setTimeout(
        () => {
          tick(count);
          if (this.#timer !== undefined) wait(count + 1);
        },
        Math.max(0, inMs),
      );
    };
    wait(0);
  }

  get elapsedMs(): number {
    return performance.now() - this.#startMs;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/** Sends a report every 2 s, unless the camera has none. */
class Reports {
  #lastMs = -Infinity;

  constructor(
    private readonly track: RtpTrack,
    private readonly context: StreamContext,
  ) {}

  due(elapsedMs: number): void {
    const { senderReports = 'good', stepAfterMs = DEFAULT_STEP_AFTER_MS } = this.context.options.time ?? {};
    if (senderReports === 'none' || elapsedMs - this.#lastMs < REPORT_EVERY_MS) return;
    this.#lastMs = elapsedMs;
    const stands = senderReports === 'step' && elapsedMs < stepAfterMs;
    this.context.send(this.track.report((stands ? elapsedMs : Date.now()) / 1000), true);
  }
}

export class VideoStream {
  readonly track: RtpTrack;
  readonly startTimestamp: number;
  readonly #metronome: Metronome;
  readonly #reports: Reports;
  readonly #fps: number;
  #clip: Clip;
  #clipIndex = 0;
  #unitIndex: number;
  #previousTimestamp: number;
  #packets = 0;
  #held: Buffer | undefined;
  #waitsForKeyframe = false;

  constructor(private readonly context: StreamContext) {
    const { video = {}, time = {} } = context.options;
    this.#clip = context.clips[0]!;
    this.track = new RtpTrack(this.#clip.codec === 'mjpeg' ? JPEG_PAYLOAD_TYPE : VIDEO_PAYLOAD_TYPE, VIDEO_CLOCK);
    this.startTimestamp = modulo32(time.start ?? DEFAULT_START);
    this.#previousTimestamp = this.startTimestamp;
    context.counters.sessionBegins();
    this.#fps = video.fps ?? this.#clip.fps;
    this.#unitIndex = video.startAt ?? 0;
    this.#reports = new Reports(this.track, context);
    const delayMs = video.firstPictureAfterMs ?? 0;
    this.#metronome = new Metronome(
      (count) => delayMs + (count * 1000) / this.#fps,
      (count) => {
        this.#picture(count);
      },
    );
  }

  stop(): void {
    this.#metronome.stop();
  }

  #picture(index: number): void {
    const { context } = this;
    const { video = {}, rtsp = {} } = context.options;
    const unit = this.#clip.units[this.#unitIndex]!;
    const timestamp = this.#timestamp(index, unit);
    const mute =
      video.muteAfterMs !== undefined && context.firstSession && this.#metronome.elapsedMs >= video.muteAfterMs;
    if (context.switches.frozen || mute) this.#waitsForKeyframe = true;
    else if (!this.#waitsForKeyframe || unit.keyframe) {
      this.#waitsForKeyframe = false;
      this.#sendPicture(index, unit, timestamp);
      context.counters.pictures += 1;
      this.#reports.due(this.#metronome.elapsedMs);
      if (rtsp.garbageEvery !== undefined && index % rtsp.garbageEvery === 0) context.raw(garbage(index));
      if (rtsp.strayAnswerEvery !== undefined && index % rtsp.strayAnswerEvery === 0) {
        context.raw('RTSP/1.0 400 Bad Request\r\nCSeq: 0\r\n\r\n');
      }
    }
    this.#previousTimestamp = timestamp;
    this.#unitIndex += 1;
    if (this.#unitIndex >= this.#clip.units.length) {
      this.#unitIndex = video.startAt ?? 0;
      this.#clipIndex = (this.#clipIndex + 1) % context.clips.length;
      this.#clip = context.clips[this.#clipIndex]!;
    }
  }

  #timestamp(index: number, unit: Unit): number {
    const { time = {} } = this.context.options;
    const stampFps = time.stampFps ?? this.#fps;
    const position = index - this.#unitIndex + unit.number + this.#clip.reorder;
    let ticks = stampFps === 0 ? 0 : (position * VIDEO_CLOCK) / stampFps;
    const every = time.outlierEvery ?? DEFAULT_OUTLIER_EVERY;
    if (time.outlierS !== undefined && index % every === every - 1) ticks += time.outlierS * VIDEO_CLOCK;
    const jumped = this.#metronome.elapsedMs >= (time.jumpAfterMs ?? DEFAULT_JUMP_AFTER_MS);
    if (time.jumpS !== undefined && jumped) ticks += time.jumpS * VIDEO_CLOCK;
    return this.startTimestamp + ticks;
  }

  #sendPicture(index: number, unit: Unit, timestamp: number): void {
    const { video = {}, rtp = {} } = this.context.options;
    if (rtp.newSsrcEvery !== undefined && index > 0 && index % rtp.newSsrcEvery === 0) this.track.newSource();
    const payloads = payloadsOf(this.#clip, unit, index, video, rtp.payloadBytes ?? DEFAULT_PAYLOAD_BYTES);
    const middle = Math.floor(payloads.length / 2);
    const gap = rtp.sequenceGapEvery !== undefined && index % rtp.sequenceGapEvery === 0;
    for (const [at, payload] of payloads.entries()) {
      if (gap && at === middle) this.track.sequence = (this.track.sequence + 1) % 65_536;
      if (at === payloads.length - 1) this.context.counters.pictureEnds();
      this.#sendPayload(payload, timestamp, at === middle && (rtp.damagePictures ?? []).includes(index));
    }
    if (rtp.unknownPayloadTypes) {
      const options = { timestamp, marker: true, payloadType: UNKNOWN_PAYLOAD_TYPE };
      this.#hand(this.track.packet(Buffer.from('unknown'), options));
    }
  }

  #sendPayload(payload: Payload, timestamp: number, damage: boolean): void {
    const { rtp = {} } = this.context.options;
    const packet = this.track.packet(payload.data, {
      timestamp: payload.previousTime ? this.#previousTimestamp : timestamp,
      marker: payload.marker,
      ...(payload.extension === undefined ? {} : { extension: payload.extension }),
    });
    const lost = damage || (rtp.lose ?? []).includes(this.#packets) || this.context.switches.drop > 0;
    if (this.context.switches.drop > 0) this.context.switches.drop -= 1;
    this.#packets += 1;
    if (!lost) this.#hand(packet);
  }

  #hand(packet: Buffer): void {
    const every = this.context.options.rtp?.swapEvery;
    if (every !== undefined && this.#held === undefined && this.#packets % every === 0) {
      this.#held = packet;
      return;
    }
    this.context.send(packet, false);
    if (this.#held !== undefined) this.context.send(this.#held, false);
    this.#held = undefined;
  }
}

export class AudioStream {
  readonly track: RtpTrack;
  readonly startTimestamp = 654_321;
  readonly #metronome: Metronome;

  constructor(context: StreamContext) {
    const { audio } = context.options;
    const { payloadType, clockRate, packetTicks, payloads } = loadAudio(audio?.codec ?? 'aac');
    this.track = new RtpTrack(payloadType, clockRate);
    const reports = new Reports(this.track, context);
    this.#metronome = new Metronome(
      (count) => (count * packetTicks * 1000) / clockRate,
      (count) => {
        if (context.switches.frozen || (audio?.silent ?? false)) return;
        const timestamp = this.startTimestamp + Math.round(count * packetTicks * (audio?.speed ?? 1));
        const payload = payloads[count % payloads.length] ?? Buffer.alloc(0);
        context.send(this.track.packet(payload, { timestamp, marker: true }), false);
        reports.due(this.#metronome.elapsedMs);
      },
    );
  }

  stop(): void {
    this.#metronome.stop();
  }
}

/** Bytes that do not begin with "$", as after a wrong length. */
function garbage(index: number): Buffer {
  return Buffer.alloc(40 + (index % 50), 0xa5);
}
