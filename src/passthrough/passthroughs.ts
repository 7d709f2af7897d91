import type { Clock } from '../base/clock.js';
import { ChrysError } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import { redactUrl } from '../base/redact.js';
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
/** Reports come every second; what is older than this says that nothing flows. */
const FLOWING_MS = 3000;
const NOTHING_YET: RelayProgress = {
  state: 'waiting',
  message: 'the camera was not connected yet',
  nextAttemptMs: undefined,
  lastError: '',
  counters: { packets: 0, bytes: 0, connects: 0, lost: 0, lastSentMs: 0 },
};

interface Pushed {
  readonly camera: Camera;
  thread: RelayThread | undefined;
  /** The last thread, which must be gone before the next one connects to the same server. */
  ending: Promise<unknown>;
  progress: RelayProgress;
  /** Of `progress.state`, or of off. */
  sinceMs: number;
}

/** Which cameras are pushed to their RTMP servers, each by a thread of its own. Main thread. */
export class Passthroughs implements Passthrough {
  private readonly byName = new Map<string, Pushed>();
  private readonly stopListening: () => void;
  private readonly endings = new Set<Promise<boolean>>();
  /** Threads that did not end in time. */
  private hanging = 0;
  private isClosed = false;

  constructor(private readonly options: PassthroughOptions) {
    const { cameras } = options;
    this.stopListening = cameras.onEvent((event, camera) => {
      if (event === 'removed') this.leave(camera);
      else this.follow(camera);
    });
    for (const camera of cameras.list()) this.follow(camera);
    process.once('exit', this.onProcessExit);
  }

  /** However the process ends, it waits for its threads. */
  private readonly onProcessExit = (): void => {
    for (const { thread } of this.byName.values()) thread?.raiseCancel();
  };

  set(name: string, wanted: boolean): Camera {
    const { cameras } = this.options;
    const { definition, stream } = cameras.get(name);
    if (definition.rtmpEndpoint === undefined) {
      throw new ChrysError(
        'failed_precondition',
        `camera "${name}" has no rtmp_endpoint, to which its stream could go: set it with PATCH /api/v1/process/${name} ` +
          '{"rtmp_endpoint": "rtmp://…"}',
      );
    }
    const why = wanted && stream !== undefined ? whyNotCarried(stream.codecName) : undefined;
    if (why !== undefined) throw new ChrysError('failed_precondition', `camera "${name}" cannot be passed on: ${why}`);
    return cameras.update(name, { passthrough: wanted });
  }

  status(name: string): PassthroughStatus {
    const pushed = this.byName.get(name);
    const { counters, state, message, nextAttemptMs, lastError } = pushed?.progress ?? NOTHING_YET;
    const wanted = pushed !== undefined && isWanted(pushed.camera);
    const sinceMs = pushed?.sinceMs ?? 0;
    const common = { wanted, sinceMs, lastError, ...counters };
    if (!wanted) return { ...common, state: 'off', message: '', nextAttemptMs: undefined, streaming: false };
    const outage = pushed.thread?.outage ?? '';
    if (outage !== '') {
      return { ...common, state: 'retrying', message: outage, nextAttemptMs: undefined, streaming: false };
    }
    const streaming = state === 'streaming' && this.options.clock.nowMs() - counters.lastSentMs <= FLOWING_MS;
    const still = state === 'streaming' && !streaming ? 'nothing was taken for some seconds' : message;
    return { ...common, state, message: still, nextAttemptMs, streaming };
  }

  /** Resolves within a second; false: a thread hangs, and has to be ended with the process. */
  async stop(): Promise<boolean> {
    this.isClosed = true;
    this.stopListening();
    for (const pushed of this.byName.values()) this.end(pushed);
    await Promise.all(this.endings);
    process.removeListener('exit', this.onProcessExit);
    return this.hanging === 0;
  }

  private follow(camera: Camera): void {
    const { name } = camera.definition;
    let pushed = this.byName.get(name);
    if (pushed?.camera !== camera) {
      const sinceMs = this.options.clock.nowMs();
      pushed = { camera, thread: undefined, ending: Promise.resolve(), progress: NOTHING_YET, sinceMs };
      this.byName.set(name, pushed);
    }
    const source = sourceOf(camera);
    if (pushed.thread !== undefined && (source === undefined || !pushed.thread.serves(source))) this.end(pushed);
    if (source === undefined) return;
    if (pushed.thread === undefined) void this.begin(pushed);
    else pushed.thread.usePeriods();
  }

  private leave(camera: Camera): void {
    const pushed = this.byName.get(camera.definition.name);
    if (pushed?.camera !== camera) return;
    this.byName.delete(camera.definition.name);
    this.end(pushed);
  }

  private async begin(pushed: Pushed): Promise<void> {
    await pushed.ending;
    const { camera } = pushed;
    const { name, rtmpEndpoint = '' } = camera.definition;
    const source = sourceOf(camera);
    if (source === undefined || pushed.thread !== undefined || this.isClosed || this.byName.get(name) !== pushed)
      return;
    const { clock, logger, workerUrl = WORKER } = this.options;
    this.note(pushed, { ...NOTHING_YET, message: '', counters: pushed.progress.counters });
    logger.info({ camera: name }, `its stream goes to ${redactUrl(rtmpEndpoint)}`);
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
        void thread.wasGone().then(() => (this.hanging -= 1));
      }
      return inTime;
    });
    this.endings.add(ending);
    pushed.ending = ending;
    this.note(pushed, { ...NOTHING_YET, counters: pushed.progress.counters });
  }

  private onProgress(pushed: Pushed, progress: RelayProgress): void {
    const { state, message } = progress;
    if (state !== pushed.progress.state && TOLD.includes(state)) {
      const level = state === 'streaming' ? 'info' : 'warn';
      const text = state === 'streaming' ? 'its RTMP server takes the stream' : `it is not passed on: ${message}`;
      this.options.logger[level]({ camera: pushed.camera.definition.name }, text);
      if (state === 'streaming') this.tellAudio(pushed.camera);
    }
    this.note(pushed, progress);
  }

  /** Names audio that RTMP cannot carry. */
  private tellAudio({ definition, stream }: Camera): void {
    const codecName = definition.recordAudio ? stream?.audio?.codecName : undefined;
    const why = codecName === undefined ? undefined : whyAudioIsNotCarried(codecName);
    if (why !== undefined) this.options.logger.warn({ camera: definition.name }, why);
  }

  private note(pushed: Pushed, progress: RelayProgress): void {
    if (progress.state !== pushed.progress.state) pushed.sinceMs = this.options.clock.nowMs();
    pushed.progress = progress;
  }
}

/** States that the log tells of when they begin. */
const TOLD: readonly PassthroughState[] = ['streaming', 'retrying', 'impossible'];

function isWanted({ definition }: Camera): boolean {
  return definition.passthrough === true && definition.rtmpEndpoint !== undefined;
}

/** Undefined while there is nothing to push, or nobody wants it. */
function sourceOf(camera: Camera): RelayThreadOptions['source'] | undefined {
  const { definition, packets } = camera;
  // It comes with the camera's first connection, and 'stream' tells of that.
  if (!isWanted(camera) || packets.ring === undefined || packets.periods.length === 0) return undefined;
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
