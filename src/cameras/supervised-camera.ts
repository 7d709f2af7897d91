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
import { ReturnWatch } from './reconnect/return-watch.js';
import type { CameraSource } from './source/source-url.js';
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

/** Maximum time for which `stop` waits for a worker. The worker may continue its TEARDOWN in the background. */
const STOP_GRACE_MS = 250;
/** The same when the process ends. TEARDOWN then takes at most 300 ms, and nothing continues in the background. */
const EXIT_GRACE_MS = 400;

/** One camera: starts captures in its worker thread, and retries them after the back-off, until `stop`. Main thread. */
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
  private readonly secrets: readonly string[];
  private started = false;
  private packetRing: SharedArrayBuffer | undefined;
  private audioRing: SharedArrayBuffer | undefined;
  /** The capture is being stopped, and the next one begins at once with the changed definition. */
  private reopening = false;
  private thread: CaptureThread | undefined;
  private readonly streams = new StreamPeriods();
  private addresses: readonly string[] = [];
  private cancelTimer: (() => void) | undefined;
  private stopping: Promise<void> | undefined;
  private begunByProbe = false;
  /** The worker did not answer in time, and its capture is being stopped. */
  private overdue = false;

  constructor(
    private current: CameraDefinition,
    /** What the camera plays; undefined: the stored URL is not valid. */
    readonly source: CameraSource | undefined,
    private readonly env: CameraEnvironment,
  ) {
    const { definition } = this;
    // libav's messages may show the password as it was typed or as it was sent.
    const urls = [definition.rtspEndpoint, ...(source?.kind === 'rtsp' ? [source.url] : [])];
    this.secrets = [...new Set(urls.flatMap(secretsOf))];
    this.readers = Array.from({ length: OUTPUT.count }, () => new FrameReader(env.addon.copyFromSlot));
    this.demand = new Demand(this.control, env.clock, () => {
      this.thread?.wake();
    });
    this.frameSource = new RingFrameSource(this.control, this.readers, this.demand, env.clock);
    this.frames = this.frameSource;
    this.machine = new CameraStateMachine(env.clock, env.random);
    this.returnWatch = new ReturnWatch(env.closings, env.clock);
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

  /** Begins to open the source, and retries as long as that can help. */
  start(): void {
    this.started = true;
    this.begin(false);
  }

  /** Replaces the definition. The camera reconnects only when its connection settings or its audio changed. */
  redefine(definition: CameraDefinition): void {
    const old = this.current;
    this.current = definition;
    const audioChanged = definition.recordAudio !== old.recordAudio;
    const connectionChanged =
      definition.transport !== old.transport ||
      definition.tlsVerify !== old.tlsVerify ||
      definition.maxPixels !== old.maxPixels;
    if (this.thread?.isCapturing === true) {
      if (audioChanged || connectionChanged) this.reopen();
    } else if (connectionChanged) {
      this.retry();
    }
  }

  /** Connects at once instead of after the back-off. Does nothing if the camera is connected or connecting. */
  retry(): void {
    if (this.started && this.machine.retry()) this.begin(false);
  }

  /** Deletes the learned facts, and reconnects. */
  forget(): void {
    this.keeper.forget();
    if (this.thread?.isCapturing === true) this.reopen();
    else this.retry();
  }

  /** The stored definition of this camera cannot be used. */
  fail(message: string): void {
    this.machine.invalid(this.masked(message));
    this.changed();
  }

  /**
   * Stops the camera. Resolves within 300 ms in every phase; a TEARDOWN may continue in the background. With STOP.process, for
   * the end of the process, it resolves within 450 ms, and nothing continues in the background.
   */
  stop(how: StopReason = STOP.capture): Promise<void> {
    this.stopping ??= this.end(how);
    return this.stopping;
  }

  /** Resolves when its thread has ended. There is no timeout. */
  async whenEnded(): Promise<void> {
    await this.thread?.whenEnded();
  }

  /** Ends the capture. The next one begins at once, with the changed definition. */
  private reopen(): void {
    this.reopening = true;
    this.raiseStop(STOP.capture);
  }

  private begin(byProbe: boolean): void {
    this.returnWatch.stop();
    this.cancelTimer?.();
    const { source } = this;
    if (source === undefined || !this.started || !this.machine.attempt()) return;
    this.begunByProbe = byProbe;
    this.overdue = false;
    this.reopening = false;
    this.changed();
    this.keeper.resume();
    if (source.kind !== 'replay' && !this.env.closings.isClosing(source)) this.open(source, undefined);
    else void this.openLater(source);
  }

  /** Waits for connections to the same camera that are being closed, finds the segments of a replay, and opens the source. */
  private async openLater(source: CameraSource): Promise<void> {
    try {
      await this.env.closings.allClosed(source);
      const replay = source.kind === 'replay' ? await this.env.replayOf(source) : undefined;
      if (this.stopping === undefined) this.open(source, replay);
    } catch (error) {
      if (this.stopping === undefined) this.failed('io_error', messageOf(error));
    }
  }

  private open(source: CameraSource, replay: ReplayOptions | undefined): void {
    try {
      const { definition } = this;
      this.thread ??= this.newThread();
      this.thread.open(
        source,
        captureOptions(source, definition, {
          learned: this.keeper.facts,
          maxPixels: this.env.maxPixels,
          logLevel: this.env.logLevel,
          replay,
        }),
        {
          ...(definition.recordAudio ? { audioRing: this.ringForAudio() } : {}),
          ...(source.kind === 'rtsp' ? { host: source.host } : {}),
        },
      );
    } catch (error) {
      // No memory, descriptor or thread is available.
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
    // There may be no later message, so the facts are stored now.
    if (this.stopping !== undefined) this.keeper.flush();
  }

  private onEnded(result: CaptureResult): void {
    if (result.end === 'stopped' && this.reopening) {
      this.reopening = false;
      this.machine.reopened();
      this.begin(false);
    } else if (result.end === 'stopped') {
      // The stop was requested because the worker timed out.
      this.failed('open_timeout', this.overdue ? 'Its worker thread did not answer' : result.message);
    } else {
      this.failed(result.end, result.message);
    }
  }

  private onGone(error: string): void {
    this.thread = undefined;
    if (this.stopping !== undefined) return;
    // The capture loop can no longer update these fields.
    this.control.setI32(CONTROL.connectedI32, 0);
    this.control.setI32(CONTROL.decodingModeI32, DEMAND.idle);
    const { phase, nextAttemptMs } = this.machine.state;
    if (phase === 'failed') return;
    if (nextAttemptMs === undefined) this.failed('worker_crashed', error);
    else this.lines.own('error', `The worker thread crashed between two attempts: ${this.masked(error)}`);
  }

  private readonly onOverdue = (): void => {
    // The thread hangs in a call without a time limit. No second thread is started before it returns, because there would be
    // two writers of the same rings.
    this.overdue = true;
    this.lines.own('warn', 'The worker thread does not answer. It is stopped.');
    this.raiseStop(STOP.capture);
  };

  private failed(reason: CameraReason, detail: string): void {
    this.cancelTimer?.();
    const byProbe = this.begunByProbe;
    const delayMs = this.machine.ended(
      reason,
      describeEnd(reason, this.masked(detail), this.source?.kind === 'replay'),
    );
    this.changed();
    if (delayMs === undefined) {
      this.releaseThread();
      return;
    }
    this.cancelTimer = this.env.clock.after(delayMs, () => {
      this.begin(false);
    });
    if (this.source === undefined) return;
    this.returnWatch.start({ reason, byProbe }, this.source, this.addresses, () => {
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
    const processEnds = how === STOP.process;
    if (await thread.end(processEnds ? EXIT_GRACE_MS : STOP_GRACE_MS)) return;
    if (processEnds) this.env.onGivenUp(thread);
    else this.waitInBackground(thread);
  }

  /** Gives the thread up if it does not end within the time that a TEARDOWN may take. */
  private waitInBackground(thread: CaptureThread): void {
    const leftMs = TEARDOWN_MS + TEARDOWN_MARGIN_MS - STOP_GRACE_MS;
    const cancel = this.env.clock.after(leftMs, () => {
      this.env.onGivenUp(thread);
    });
    void thread.whenEnded().then(cancel);
  }

  /** Ends the thread, because there is no further attempt. */
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
    this.lines.stateChanged(this.machine.state, this.source?.masked ?? '');
    this.env.onStateChange(this);
  }
}
