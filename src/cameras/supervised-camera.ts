import { isIP } from 'node:net';

import type { Clock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import { redact, redactSecrets, secretsOf } from '../base/redact.js';
import { ServiceThread } from '../base/service-thread.js';
import { CONTROL, DEMAND, OUTPUT } from '../gen/ring-layout.js';
import type { CaptureOptions, CaptureResult, NativeAddon, ReplayOptions, StreamInfo } from '../native/types.js';
import { Control } from '../rings/control.js';
import { FrameReader } from '../rings/frame-reader.js';
import { CameraLog } from './camera-log.js';
import { Demand, PLAIN_OUTPUT } from './demand.js';
import { RingFrameSource } from './frame-source.js';
import { Knocker, RTSP_GREETING } from './knock.js';
import { describeEnd } from './reasons.js';
import {
  FRAME_SLOTS,
  MAX_FRAME_MESSAGE_BYTES,
  createAudioRing,
  createPacketRing,
  type PacketRingSize,
} from './rings.js';
import { isReplay, type ReplayRange } from './replay-url.js';
import type { SourceUrl } from './source-url.js';
import { CameraStateMachine } from './state.js';
import { readStats } from './stats.js';
import type {
  Camera,
  CameraDefinition,
  CameraReason,
  CameraState,
  CameraStats,
  FrameSource,
  LogLine,
  PacketBuffer,
  StreamPeriod,
} from './types.js';
import type { CameraThread, FromWorker, ToWorker, WorkerData } from './worker-messages.js';

/** Longest wait for a worker that was told to stop; one that takes longer is given up. */
const STOP_GRACE_MS = 250;
/**
 * Beyond its own deadlines (5 s for the host name, openTimeoutMs, stallTimeoutMs for the first packet) a worker that says
 * nothing is told to stop.
 */
const OPEN_MARGIN_MS = 10_000;
const MOST_STREAMS = 64;

/** After these nothing listened there: the first answer to a knock means that the camera is back. */
const AWAY: readonly CameraReason[] = ['refused', 'unreachable'];
/** After these it may be away: a knock that is not answered tells so, and then its return is waited for. */
const MAYBE_AWAY: readonly CameraReason[] = ['connection_lost', 'stalled', 'open_timeout', 'io_error'];

/** After these it may be frozen, with a kernel that still accepts connections: only an answer of its own counts. */
const MAYBE_FROZEN: readonly CameraReason[] = ['stalled', 'open_timeout'];

/** What all cameras share. */
export interface CameraEnvironment {
  readonly addon: Pick<NativeAddon, 'initPacketRing' | 'copyFromSlot'>;
  readonly workerUrl: URL;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logLevel: CaptureOptions['logLevel'];
  readonly packetRingSize: PacketRingSize;
  /** The first number of a block that no packet of that camera had before, nor will have after a restart. */
  readonly firstPacketOf: (cameraName: string) => number;
  /** What is recorded of that range by now. */
  readonly replayOf: (range: ReplayRange) => Promise<ReplayOptions>;
  readonly onStateChange: (camera: Camera) => void;
  readonly onStreamChange: (camera: Camera) => void;
  readonly onPlainFrames: (camera: Camera) => void;
  /** The thread did not end in time, and may never. */
  readonly onGivenUp: (thread: CameraThread) => void;
}

/** The worker's own JavaScript needs a few megabytes; libav's memory and the rings do not count. */
const HEAP_MB = { old: 32, young: 2 };

/** One camera: drives its worker thread through captures and waits until it is told to stop. Main thread. */
export class SupervisedCamera implements Camera {
  readonly frames: FrameSource;
  plainFrames: SharedArrayBuffer | undefined;
  private readonly control = Control.create();
  private readonly readers: readonly FrameReader[];
  private readonly demand: Demand;
  private readonly source: RingFrameSource;
  private readonly machine: CameraStateMachine;
  private readonly knocker = new Knocker();
  private readonly lines: CameraLog;
  private secrets: readonly string[];
  private target: SourceUrl | undefined;
  private packetRing: SharedArrayBuffer | undefined;
  private audioRing: SharedArrayBuffer | undefined;
  /** The capture was told to stop, to begin at once with what was changed. */
  private reopening = false;
  private thread: CameraThread | undefined;
  private streamInfo: StreamInfo | undefined;
  private readonly streams = new Map<number, StreamInfo>();
  private readonly periods: StreamPeriod[] = [];
  private addresses: readonly string[] = [];
  private cancelTimer: (() => void) | undefined;
  private stopping: Promise<void> | undefined;
  private begunByKnock = false;
  private overdue = false;

  constructor(
    private current: CameraDefinition,
    private readonly env: CameraEnvironment,
  ) {
    const { definition } = this;
    this.secrets = secretsOf(definition.rtspEndpoint);
    this.readers = Array.from({ length: OUTPUT.count }, () => new FrameReader(env.addon.copyFromSlot));
    this.demand = new Demand(this.control, env.clock);
    this.source = new RingFrameSource(this.control, this.readers, this.demand, env.clock);
    this.frames = this.source;
    this.machine = new CameraStateMachine(env.clock, env.random);
    this.lines = new CameraLog(env.logger.child({ camera: definition.name }), env.clock);
  }

  get definition(): CameraDefinition {
    return this.current;
  }

  get state(): CameraState {
    return this.machine.state;
  }

  get stats(): CameraStats {
    return readStats(this.control, this.machine, this.source.callers);
  }

  get stream(): StreamInfo | undefined {
    return this.streamInfo;
  }

  get packets(): PacketBuffer {
    const { packetRing: ring, audioRing, streams, periods } = this;
    return { ring, audioRing, control: this.control.buffer, streams, periods };
  }

  get log(): readonly LogLine[] {
    return this.lines.lines;
  }

  /** Begins to open the source, and never gives up while retrying can help. */
  start(source: SourceUrl): void {
    this.target = source;
    // libav's messages may show the password as it was typed or as it was sent.
    this.secrets = [...new Set([...this.secrets, ...secretsOf(source.url)])];
    this.begin(false);
  }

  /** Takes over changes; it connects again only when its sound is to be asked for, or no longer. */
  redefine(definition: CameraDefinition): void {
    const isOtherSound = definition.recordAudio !== this.current.recordAudio;
    this.current = definition;
    if (!isOtherSound || this.thread === undefined || this.machine.state.nextAttemptMs !== undefined) return;
    this.reopening = true;
    this.raiseStop();
  }

  /** What is stored of this camera cannot be used. */
  fail(message: string): void {
    this.machine.invalid(this.masked(message));
    this.changed();
  }

  /** Resolves within 300 ms in every state. */
  stop(): Promise<void> {
    this.stopping ??= this.end();
    return this.stopping;
  }

  private begin(byKnock: boolean): void {
    this.knocker.stop();
    this.cancelTimer?.();
    const { target } = this;
    if (target === undefined || !this.machine.attempt()) return;
    this.begunByKnock = byKnock;
    this.overdue = false;
    this.reopening = false;
    this.changed();
    // The last capture has ended, so nobody else looks at the flag.
    this.control.setI32(CONTROL.stopI32, 0);
    if (target.replay === undefined) this.open(target, undefined);
    else void this.openReplay(target, target.replay);
  }

  /** Nothing else begins a capture meanwhile. */
  private async openReplay(target: SourceUrl, range: ReplayRange): Promise<void> {
    try {
      const replay = await this.env.replayOf(range);
      if (this.stopping === undefined) this.open(target, replay);
    } catch (error) {
      if (this.stopping === undefined) this.failed('io_error', messageOf(error));
    }
  }

  private open(target: SourceUrl, replay: ReplayOptions | undefined): void {
    try {
      const { definition } = this;
      this.thread ??= this.newThread();
      this.thread.send({
        kind: 'open',
        options: {
          url: target.url,
          kind: target.kind,
          transport: definition.transport,
          openTimeoutMs: definition.openTimeoutMs,
          stallTimeoutMs: definition.stallTimeoutMs,
          decoderThreads: definition.decoderThreads,
          deviceId: definition.name,
          frameSlots: FRAME_SLOTS,
          maxMessageBytes: MAX_FRAME_MESSAGE_BYTES,
          logLevel: this.env.logLevel,
          ...(replay === undefined ? {} : { replay }),
        },
        ...(definition.recordAudio ? { audioRing: this.soundRing() } : {}),
        ...(target.host === undefined ? {} : { host: target.host }),
      });
    } catch (error) {
      // No memory or no thread to be had.
      this.failed('worker_crashed', messageOf(error));
      return;
    }
    this.cancelTimer = this.env.clock.after(definitionDeadlineMs(this.definition), this.onOverdue);
  }

  private soundRing(): SharedArrayBuffer {
    this.audioRing ??= createAudioRing(this.env.addon);
    return this.audioRing;
  }

  private newThread(): CameraThread {
    this.packetRing ??= createPacketRing(
      this.env.packetRingSize,
      this.env.firstPacketOf(this.definition.name),
      this.env.addon,
    );
    const data: WorkerData = { control: this.control.buffer, packetRing: this.packetRing };
    const form = { url: this.env.workerUrl, name: `camera ${this.definition.name}`, data, heapMb: HEAP_MB };
    const thread: CameraThread = new ServiceThread<ToWorker, FromWorker>(form, {
      onMessage: (message) => {
        if (this.thread === thread) this.onMessage(message);
      },
      onGone: (error) => {
        if (this.thread === thread) this.onGone(error);
      },
    });
    return thread;
  }

  private onMessage(message: FromWorker): void {
    if (this.stopping !== undefined) return;
    switch (message.kind) {
      case 'resolved':
        this.addresses = message.addresses;
        break;
      case 'stream':
        this.streamInfo = message.info;
        this.remember(message.info, message.fromSequence);
        this.env.onStreamChange(this);
        if (!this.machine.opened()) break;
        this.cancelTimer?.();
        this.changed();
        break;
      case 'frameRing':
        this.readers[message.output]?.setRing(message.ring);
        if (message.output !== PLAIN_OUTPUT) break;
        this.plainFrames = message.ring;
        this.env.onPlainFrames(this);
        break;
      case 'log':
        this.lines.fromCapture(message.level, this.masked(message.text), this.machine.state.phase === 'running');
        break;
      case 'ended':
        this.onEnded(message.result);
        break;
    }
  }

  /** Packets of a few earlier connections may still be in memory. */
  private remember(info: StreamInfo, fromSequence: number): void {
    this.streams.set(info.connection, info);
    for (const connection of this.streams.keys()) {
      if (this.streams.size <= MOST_STREAMS) break;
      this.streams.delete(connection);
    }
    this.periods.push({ fromSequence, stream: info });
    if (this.periods.length > MOST_STREAMS) this.periods.shift();
  }

  private onEnded(result: CaptureResult): void {
    if (result.end === 'stopped' && this.reopening) {
      this.reopening = false;
      this.machine.reopened();
      this.begin(false);
    } else if (result.end === 'stopped') {
      // Nobody told it to but us, when it said nothing for too long.
      this.failed('open_timeout', this.overdue ? 'it said nothing for too long' : result.message);
    } else {
      this.failed(result.end, result.message);
    }
  }

  private onGone(error: string): void {
    this.thread = undefined;
    if (this.stopping !== undefined) return;
    // The capture loop's own words, but it has none any more.
    this.control.setI32(CONTROL.connectedI32, 0);
    this.control.setI32(CONTROL.decodingModeI32, DEMAND.idle);
    const { phase, nextAttemptMs } = this.machine.state;
    if (phase === 'failed') return;
    if (nextAttemptMs === undefined) this.failed('worker_crashed', error);
    else this.lines.own('error', `the worker thread crashed while it waited: ${this.masked(error)}`);
  }

  private readonly onOverdue = (): void => {
    // Its thread hangs in something that has no deadline. Another on the same rings would be a second writer, so
    // this one has to come back first.
    this.overdue = true;
    this.lines.own('warn', 'the worker does not answer; it is told to stop');
    this.raiseStop();
  };

  private failed(reason: CameraReason, detail: string): void {
    this.cancelTimer?.();
    const byKnock = this.begunByKnock;
    const delayMs = this.machine.ended(reason, describeEnd(reason, this.masked(detail), isReplay(this.definition)));
    this.changed();
    if (delayMs === undefined) {
      this.releaseThread();
      return;
    }
    this.cancelTimer = this.env.clock.after(delayMs, () => {
      this.begin(false);
    });
    // A knock said that it was back, and it was not: knocking is of no use there, only the back-off is.
    if (AWAY.includes(reason) ? !byKnock : MAYBE_AWAY.includes(reason)) this.waitForReturn(reason);
  }

  private waitForReturn(reason: CameraReason): void {
    const { host = '', port, url = '' } = this.target ?? {};
    if (port === undefined) return;
    const addresses = isIP(host) === 0 ? this.addresses : [host];
    // What is asked in plain text means nothing to a server of rtsps.
    const greet = MAYBE_FROZEN.includes(reason) && url.startsWith('rtsp:');
    const target = { addresses, port, ...(greet ? { greeting: RTSP_GREETING } : {}) };
    this.knocker.start(target, AWAY.includes(reason), () => {
      this.machine.cameBack();
      this.begin(true);
    });
  }

  private async end(): Promise<void> {
    this.machine.stopped();
    this.cancelTimer?.();
    this.knocker.stop();
    this.demand.close();
    this.source.close();
    this.raiseStop();
    const { thread } = this;
    this.changed();
    if (thread !== undefined && !(await thread.end({ kind: 'exit' }, STOP_GRACE_MS))) this.env.onGivenUp(thread);
  }

  /** There will be no further attempt. */
  private releaseThread(): void {
    const { thread } = this;
    this.thread = undefined;
    void thread?.end({ kind: 'exit' }, STOP_GRACE_MS);
  }

  /** Ends the capture without waiting for its end. */
  raiseStop(): void {
    this.control.setI32(CONTROL.stopI32, 1);
    Atomics.notify(this.control.i32, CONTROL.stopI32);
  }

  private masked(text: string): string {
    return redactSecrets(redact(text), this.secrets);
  }

  private changed(): void {
    this.lines.stateChanged(this.machine.state, this.target?.masked ?? '');
    this.env.onStateChange(this);
  }
}

function definitionDeadlineMs(definition: CameraDefinition): number {
  return definition.openTimeoutMs + definition.stallTimeoutMs + OPEN_MARGIN_MS;
}
