import { messageOf } from '../base/errors.js';
import { redact, redactSecrets, secretsOf } from '../base/redact.js';
import { CONTROL, DEMAND, OUTPUT } from '../gen/ring-layout.js';
import type { CaptureResult, LearnedFacts, ReplayOptions, StreamInfo } from '../native/types.js';
import { Control } from '../rings/control.js';
import { FrameReader } from '../rings/frame-reader.js';
import { checkedLearned } from '../database/learned-facts.js';
import type { CameraEnvironment } from './camera-environment.js';
import { CameraLog } from './status/camera-log.js';
import { captureOptions } from './capture/capture-options.js';
import { CaptureThread } from './capture/capture-thread.js';
import { Demand, DEFAULT_OUTPUT } from './frames/demand.js';
import { RingFrameSource } from './frames/frame-source.js';
import { LearnedKeeper } from './learned-keeper.js';
import { openDeadlineMs } from './capture/open-deadline.js';
import { describeEnd } from './reasons.js';
import { createAudioRing, createPacketRing } from './capture/rings.js';
import { isReplay, type ReplayRange } from './source/replay-url.js';
import { ReturnWatch } from './reconnect/return-watch.js';
import type { SourceUrl } from './source/source-url.js';
import { CameraStateMachine } from './state.js';
import { readStats } from './status/stats.js';
import { StreamPeriods } from './capture/stream-periods.js';
import { STOP, TEARDOWN_MARGIN_MS, TEARDOWN_MS, type StopReason } from './capture/teardown.js';
import type {
  Camera,
  CameraDefinition,
  CameraReason,
  CameraState,
  CameraStats,
  FrameSource,
  LogLine,
  PacketBuffer,
} from './types.js';
import type { FromWorker } from './capture/worker-messages.js';

/** Maximum time that `stop` waits for a worker, which may go on with its TEARDOWN in the background. */
const STOP_GRACE_MS = 250;
/** The same when the process ends: TEARDOWN takes at most 300 ms then, and nothing goes on in the background. */
const EXIT_GRACE_MS = 400;

/** One camera: drives its worker thread through captures and waits until it is told to stop. Main thread. */
export class SupervisedCamera implements Camera {
  readonly frames: FrameSource;
  plainFrames: SharedArrayBuffer | undefined;
  private readonly control = Control.create();
  private readonly readers: readonly FrameReader[];
  private readonly demand: Demand;
  private readonly frameSource: RingFrameSource;
  private readonly machine: CameraStateMachine;
  private readonly returnWatch: ReturnWatch;
  private readonly lines: CameraLog;
  private readonly keeper: LearnedKeeper;
  private secrets: readonly string[];
  private target: SourceUrl | undefined;
  private packetRing: SharedArrayBuffer | undefined;
  private audioRing: SharedArrayBuffer | undefined;
  /** The capture was told to stop, to begin at once with what was changed. */
  private reopening = false;
  private thread: CaptureThread | undefined;
  private readonly streams = new StreamPeriods();
  private addresses: readonly string[] = [];
  private cancelTimer: (() => void) | undefined;
  private stopping: Promise<void> | undefined;
  private begunByProbe = false;
  private overdue = false;

  constructor(
    private current: CameraDefinition,
    private readonly env: CameraEnvironment,
  ) {
    const { definition } = this;
    this.secrets = secretsOf(definition.rtspEndpoint);
    this.readers = Array.from({ length: OUTPUT.count }, () => new FrameReader(env.addon.copyFromSlot));
    this.demand = new Demand(this.control, env.clock, () => {
      this.thread?.wake();
    });
    this.frameSource = new RingFrameSource(this.control, this.readers, this.demand, env.clock);
    this.frames = this.frameSource;
    this.machine = new CameraStateMachine(env.clock, env.random);
    this.returnWatch = new ReturnWatch(env.closings);
    this.keeper = new LearnedKeeper(env.learnedOf(definition.name), env.clock, (facts) => {
      env.onLearned(this, facts);
    });
    this.lines = new CameraLog(env.logger.child({ camera: definition.name }), env.clock);
  }

  get definition(): CameraDefinition {
    return this.current;
  }

  get state(): CameraState {
    return this.machine.state;
  }

  get stats(): CameraStats {
    return readStats(this.control, this.machine, this.frameSource.callers);
  }

  get stream(): StreamInfo | undefined {
    return this.streams.newest;
  }

  /** What it plays; undefined until it was started. */
  get source(): SourceUrl | undefined {
    return this.target;
  }

  get learned(): LearnedFacts | undefined {
    return this.keeper.facts;
  }

  get packets(): PacketBuffer {
    const { packetRing: ring, audioRing, streams } = this;
    return { ring, audioRing, control: this.control.buffer, streams: streams.byConnection, periods: streams.periods };
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

  /** Takes over changes. The camera is connected anew only if they are about its connection or its audio. */
  redefine(definition: CameraDefinition): void {
    const was = this.current;
    this.current = definition;
    const isOtherAudio = definition.recordAudio !== was.recordAudio;
    const isOtherConnection =
      definition.transport !== was.transport ||
      definition.tlsVerify !== was.tlsVerify ||
      definition.maxPixels !== was.maxPixels;
    if (this.thread?.isCapturing === true) {
      if (isOtherAudio || isOtherConnection) this.reopen();
    } else if (isOtherConnection) {
      this.retry();
    }
  }

  /** Connects at once instead of later or never. Does nothing for a camera that is connected or connecting. */
  retry(): void {
    if (this.target !== undefined && this.machine.retry()) this.begin(false);
  }

  /** Forgets what was learnt about the camera, and connects anew. */
  forget(): void {
    this.keeper.forget();
    if (this.thread?.isCapturing === true) this.reopen();
    else this.retry();
  }

  /** What is stored of this camera cannot be used. */
  fail(message: string): void {
    this.machine.invalid(this.masked(message));
    this.changed();
  }

  /**
   * Resolves within 300 ms in every state; a TEARDOWN may go on in the background. STOP.process is for the end of the
   * process: resolves within 450 ms, and nothing goes on in the background.
   */
  stop(how: StopReason = STOP.capture): Promise<void> {
    this.stopping ??= this.end(how);
    return this.stopping;
  }

  /** Resolves when its thread is gone, however long that takes. */
  async wasGone(): Promise<void> {
    await this.thread?.wasGone();
  }

  /** Ends the capture; the next one begins with the changes. */
  private reopen(): void {
    this.reopening = true;
    this.raiseStop(STOP.capture);
  }

  private begin(byKnock: boolean): void {
    this.returnWatch.stop();
    this.cancelTimer?.();
    const { target } = this;
    if (target === undefined || !this.machine.attempt()) return;
    this.begunByProbe = byKnock;
    this.overdue = false;
    this.reopening = false;
    this.changed();
    this.keeper.resume();
    if (target.replay === undefined && !this.env.closings.isClosing(target)) this.open(target, undefined);
    else void this.openLater(target, target.replay);
  }

  /** Nothing else begins a capture meanwhile. */
  private async openLater(target: SourceUrl, range: ReplayRange | undefined): Promise<void> {
    try {
      await this.env.closings.allClosed(target);
      const replay = range === undefined ? undefined : await this.env.replayOf(range);
      if (this.stopping === undefined) this.open(target, replay);
    } catch (error) {
      if (this.stopping === undefined) this.failed('io_error', messageOf(error));
    }
  }

  private open(target: SourceUrl, replay: ReplayOptions | undefined): void {
    try {
      const { definition } = this;
      this.thread ??= this.newThread();
      this.thread.open(
        target,
        captureOptions(target, definition, {
          learned: this.keeper.facts,
          maxPixels: this.env.maxPixels,
          logLevel: this.env.logLevel,
          replay,
        }),
        {
          ...(definition.recordAudio ? { audioRing: this.ringForAudio() } : {}),
          ...(target.host === undefined ? {} : { host: target.host }),
        },
      );
    } catch (error) {
      // No memory, no descriptor or no thread is available.
      this.failed('worker_crashed', messageOf(error));
      return;
    }
    this.cancelTimer = this.env.clock.after(openDeadlineMs(this.definition, this.keeper.facts), this.onOverdue);
  }

  private ringForAudio(): SharedArrayBuffer {
    this.audioRing ??= createAudioRing(this.env.addon);
    return this.audioRing;
  }

  private newThread(): CaptureThread {
    this.packetRing ??= createPacketRing(
      this.env.packetRingSize,
      this.env.firstPacketOf(this.definition.name),
      this.env.addon,
    );
    const { definition, control, packetRing, env } = this;
    const { workerUrl, addon, closings } = env;
    const form = { workerUrl, name: `camera ${definition.name}`, control, packetRing, addon, closings };
    const thread: CaptureThread = new CaptureThread(form, {
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
    if (message.kind === 'learned') {
      this.onLearned(message.learned);
      return;
    }
    if (this.stopping !== undefined) return;
    switch (message.kind) {
      case 'resolved':
        this.addresses = message.addresses;
        break;
      case 'stream':
        this.streams.add(message.info, message.fromSequence);
        this.env.onStreamChange(this);
        if (!this.machine.opened()) break;
        this.cancelTimer?.();
        this.changed();
        break;
      case 'frameRing':
        this.readers[message.output]?.setRing(message.ring);
        this.frameSource.ringChanged();
        if (message.output !== DEFAULT_OUTPUT) break;
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

  private onLearned(learned: LearnedFacts): void {
    const facts = checkedLearned(learned);
    if (facts === undefined) return;
    this.keeper.learn(facts);
    // Nobody will come back to it.
    if (this.stopping !== undefined) this.keeper.flush();
  }

  private onEnded(result: CaptureResult): void {
    if (result.end === 'stopped' && this.reopening) {
      this.reopening = false;
      this.machine.reopened();
      this.begin(false);
    } else if (result.end === 'stopped') {
      // The stop was requested because the worker timed out.
      this.failed('open_timeout', this.overdue ? 'its worker thread did not answer' : result.message);
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
    this.lines.own('warn', 'the worker thread does not answer: it is stopped');
    this.raiseStop(STOP.capture);
  };

  private failed(reason: CameraReason, detail: string): void {
    this.cancelTimer?.();
    const byKnock = this.begunByProbe;
    const delayMs = this.machine.ended(reason, describeEnd(reason, this.masked(detail), isReplay(this.definition)));
    this.changed();
    if (delayMs === undefined) {
      this.releaseThread();
      return;
    }
    this.cancelTimer = this.env.clock.after(delayMs, () => {
      this.begin(false);
    });
    if (this.target === undefined) return;
    this.returnWatch.start({ reason, byKnock }, this.target, this.addresses, () => {
      this.machine.cameBack();
      this.begin(true);
    });
  }

  private async end(how: StopReason): Promise<void> {
    this.machine.stopped();
    this.cancelTimer?.();
    this.returnWatch.stop();
    this.demand.close();
    this.frameSource.close();
    this.raiseStop(how);
    this.keeper.flush();
    const { thread } = this;
    this.changed();
    if (thread === undefined) return;
    const hurry = how === STOP.process;
    if (await thread.end(hurry ? EXIT_GRACE_MS : STOP_GRACE_MS)) return;
    if (hurry) this.env.onGivenUp(thread);
    else this.waitInBackground(thread);
  }

  /** The thread is not gone yet. It may go on for as long as its TEARDOWN may take; then it is given up. */
  private waitInBackground(thread: CaptureThread): void {
    const leftMs = TEARDOWN_MS + TEARDOWN_MARGIN_MS - STOP_GRACE_MS;
    const cancel = this.env.clock.after(leftMs, () => {
      this.env.onGivenUp(thread);
    });
    void thread.wasGone().then(cancel);
  }

  /** There will be no further attempt. */
  private releaseThread(): void {
    const { thread } = this;
    this.thread = undefined;
    void thread?.end(STOP_GRACE_MS);
  }

  /** Ends the capture without waiting for its end. */
  raiseStop(how: StopReason): void {
    this.thread?.raiseStop(how);
  }

  private masked(text: string): string {
    return redactSecrets(redact(text), this.secrets);
  }

  private changed(): void {
    this.lines.stateChanged(this.machine.state, this.target?.masked ?? '');
    this.env.onStateChange(this);
  }
}
