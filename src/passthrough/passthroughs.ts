import type { Clock } from '../base/clock.js';
import { ChrysError } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import { redactUrl } from '../base/redact.js';
import { FollowedCameras } from '../cameras/follow-cameras.js';
import type { Supervisor } from '../cameras/supervisor.js';
import type { Camera } from '../cameras/types.js';
import { whyAudioIsNotCarried, whyNotCarried } from './codecs.js';
import type { RelayedPeriod, RelayProgress } from './messages.js';
import { RelayThread, type RelayThreadOptions } from './relay-thread.js';
import type { Passthrough, PassthroughState, PassthroughStatus } from './types.js';

export interface PassthroughOptions {
  readonly cameras: Pick<Supervisor, 'list' | 'get' | 'update' | 'onEvent'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly workerUrl?: URL;
}

const WORKER = new URL('./relay-worker.js', import.meta.url);
/** The relay thread reports every second. When its last report is older than this, no data flows. */
const FLOWING_MS = 3000;
const STALLED = 'The RTMP server has not accepted data for some seconds.';
const INITIAL_PROGRESS: RelayProgress = {
  state: 'waiting',
  message: 'The camera has not connected yet.',
  nextAttemptMs: undefined,
  lastError: '',
  counters: { packets: 0, bytes: 0, connects: 0, lost: 0, lastSentMs: 0 },
};

/** A camera with its relay. */
interface Pushed {
  readonly camera: Camera;
  thread: RelayThread | undefined;
  /** Settles when the last thread has ended. The next thread connects to the same server only after that. */
  ending: Promise<unknown>;
  progress: RelayProgress;
  /** When `progress.state` began, in milliseconds since the epoch. */
  sinceMs: number;
  isRemoved: boolean;
}

/** Pushes cameras to their RTMP servers, each by a thread of its own. Main thread. */
export class Passthroughs implements Passthrough {
  private readonly followed: FollowedCameras<Pushed>;
  private readonly endings = new Set<Promise<boolean>>();
  /** Number of threads that did not end in time. */
  private hanging = 0;
  private isClosed = false;

  constructor(private readonly options: PassthroughOptions) {
    this.followed = new FollowedCameras(options.cameras, {
      begin: (camera) => this.follow(camera),
      update: (pushed) => {
        this.update(pushed);
      },
      end: (pushed) => {
        pushed.isRemoved = true;
        this.end(pushed);
      },
    });
    this.followed.start();
    process.once('exit', this.onProcessExit);
  }

  /** Cancels the waits of the threads, because a process waits for its threads when it exits. */
  private readonly onProcessExit = (): void => {
    for (const { thread } of this.followed.states()) thread?.raiseCancel();
  };

  set(name: string, enable: boolean): Camera {
    const { cameras } = this.options;
    const { definition, stream } = cameras.get(name);
    if (definition.rtmpEndpoint === undefined) {
      throw new ChrysError(
        'failed_precondition',
        `Camera "${name}" has no rtmp_endpoint to send its stream to. Set it with PATCH /api/v1/process/${name} ` +
          '{"rtmp_endpoint": "rtmp://…"}.',
      );
    }
    const why = enable && stream !== undefined ? whyNotCarried(stream.codecName) : undefined;
    if (why !== undefined)
      throw new ChrysError('failed_precondition', `The stream of camera "${name}" cannot be sent: ${why}`);
    return cameras.update(name, { passthrough: enable });
  }

  status(name: string): PassthroughStatus {
    const pushed = this.followed.get(name);
    const { counters, state, message, nextAttemptMs, lastError } = pushed?.progress ?? INITIAL_PROGRESS;
    const wanted = pushed !== undefined && shouldSend(pushed.camera);
    const sinceMs = pushed?.sinceMs ?? 0;
    const common = { wanted, sinceMs, lastError, ...counters };
    if (!wanted) return { ...common, state: 'off', message: '', nextAttemptMs: undefined, streaming: false };
    const outage = pushed.thread?.outage ?? '';
    if (outage !== '') {
      return { ...common, state: 'retrying', message: outage, nextAttemptMs: undefined, streaming: false };
    }
    const streaming = state === 'streaming' && this.options.clock.nowMs() - counters.lastSentMs <= FLOWING_MS;
    const text = state === 'streaming' && !streaming ? STALLED : message;
    return { ...common, state, message: text, nextAttemptMs, streaming };
  }

  /** Resolves within a second. False: a thread hangs and has to be ended with the process. */
  async stop(): Promise<boolean> {
    this.isClosed = true;
    this.followed.close();
    for (const pushed of this.followed.states()) this.end(pushed);
    await Promise.all(this.endings);
    process.removeListener('exit', this.onProcessExit);
    return this.hanging === 0;
  }

  private follow(camera: Camera): Pushed {
    const sinceMs = this.options.clock.nowMs();
    const ending = Promise.resolve();
    return { camera, thread: undefined, ending, progress: INITIAL_PROGRESS, sinceMs, isRemoved: false };
  }

  private update(pushed: Pushed): void {
    const source = sourceOf(pushed.camera);
    if (pushed.thread !== undefined && (source === undefined || !pushed.thread.serves(source))) this.end(pushed);
    if (source === undefined) return;
    if (pushed.thread === undefined) void this.begin(pushed);
    else pushed.thread.usePeriods();
  }

  private async begin(pushed: Pushed): Promise<void> {
    await pushed.ending;
    const { camera } = pushed;
    const { name, rtmpEndpoint = '' } = camera.definition;
    const source = sourceOf(camera);
    if (source === undefined || pushed.thread !== undefined || this.isClosed || pushed.isRemoved) return;
    const { clock, logger, workerUrl = WORKER } = this.options;
    this.setProgress(pushed, { ...INITIAL_PROGRESS, message: '', counters: pushed.progress.counters });
    logger.info({ camera: name }, `The stream is sent to ${redactUrl(rtmpEndpoint)}.`);
    pushed.thread = new RelayThread({
      camera: name,
      source,
      periods: () => periodsOf(camera),
      counters: pushed.progress.counters,
      clock,
      logger,
      workerUrl,
      onProgress: (progress) => {
        this.onProgress(pushed, progress);
      },
    });
  }

  private end(pushed: Pushed): void {
    const { thread } = pushed;
    pushed.thread = undefined;
    if (thread === undefined) return;
    const ending: Promise<boolean> = thread.end().then((inTime) => {
      this.endings.delete(ending);
      if (!inTime) {
        this.hanging += 1;
        void thread.whenEnded().then(() => (this.hanging -= 1));
      }
      return inTime;
    });
    this.endings.add(ending);
    pushed.ending = ending;
    this.setProgress(pushed, { ...INITIAL_PROGRESS, counters: pushed.progress.counters });
  }

  private onProgress(pushed: Pushed, progress: RelayProgress): void {
    const { state, message } = progress;
    if (state !== pushed.progress.state && LOGGED.includes(state)) {
      const level = state === 'streaming' ? 'info' : 'warn';
      const text = state === 'streaming' ? 'The RTMP server accepts the stream.' : `The stream is not sent: ${message}`;
      this.options.logger[level]({ camera: pushed.camera.definition.name }, text);
      if (state === 'streaming') this.logAudio(pushed.camera);
    }
    this.setProgress(pushed, progress);
  }

  /** Logs when RTMP cannot carry the camera's audio. */
  private logAudio({ definition, stream }: Camera): void {
    const codecName = definition.recordAudio ? stream?.audio?.codecName : undefined;
    const why = codecName === undefined ? undefined : whyAudioIsNotCarried(codecName);
    if (why !== undefined) this.options.logger.warn({ camera: definition.name }, why);
  }

  private setProgress(pushed: Pushed, progress: RelayProgress): void {
    if (progress.state !== pushed.progress.state) pushed.sinceMs = this.options.clock.nowMs();
    pushed.progress = progress;
  }
}

/** The states that are logged when they begin. */
const LOGGED: readonly PassthroughState[] = ['streaming', 'retrying', 'impossible'];

function shouldSend({ definition }: Camera): boolean {
  return definition.passthrough === true && definition.rtmpEndpoint !== undefined;
}

/** Undefined: the camera has no packets yet, or its stream is not to be sent. */
function sourceOf(camera: Camera): RelayThreadOptions['source'] | undefined {
  const { definition, packets } = camera;
  // The camera's first connection makes the ring. The event 'stream' follows.
  if (!shouldSend(camera) || packets.ring === undefined || packets.periods.length === 0) return undefined;
  return {
    url: definition.rtmpEndpoint ?? '',
    packetRing: packets.ring,
    audioRing: definition.recordAudio ? packets.audioRing : undefined,
    control: packets.control,
  };
}

function periodsOf({ packets }: Camera): RelayedPeriod[] {
  return packets.periods.map(({ fromSequence, stream }) => ({
    fromSequence,
    stream: {
      connection: stream.connection,
      codecName: stream.codecName,
      extradata: stream.extradata,
      width: stream.width,
      height: stream.height,
      ...(stream.audio === undefined || whyAudioIsNotCarried(stream.audio.codecName) !== undefined
        ? {}
        : { audio: stream.audio }),
    },
  }));
}
