import type { Clock } from '../base/clock.js';
import { ChrysError } from '../base/errors.js';
import { SupervisedThread } from '../base/supervised-thread.js';
import type { Logger } from '../base/log.js';
import type { AnnotateRequest } from '../gen/chrys/cloud/videostreaming/v1beta1/video_streaming.js';
import type { NewAnnotation, ShownAnnotation } from '../database/annotation.js';
import type { EvidenceWish, KeptSnapshot, MadeEvidence, PendingEvidence } from '../database/evidence.js';
import { AnnotationIds } from './annotation-id.js';
import { annotationJson } from './annotation-json.js';
import { checkRequest } from './check-request.js';
import type {
  Answers,
  AnnotationWorkerData,
  FromAnnotationWorker,
  Question,
  SentError,
  ToAnnotationWorker,
} from './messages.js';
import type { EndpointCheck } from '../cloud/endpoint-check.js';
import { ANNOTATION_NAMES, type QueueNames } from './queue-names.js';
import { missingKeys, type EdgeKeys } from '../cloud/signature.js';
import type {
  AnnotateCall,
  AnnotationPage,
  AnnotationQuery,
  Annotations,
  AnnotationsStatus,
  RefusedHandling,
} from './types.js';

export interface StoredAnnotationsOptions extends AnnotationWorkerData {
  readonly logger: Logger;
  /** The clock of the packets' arrivals, against which start_timestamp is held. */
  readonly clock: Clock;
  /** Aborted when the proxy stops. */
  readonly stopping: AbortSignal;
  readonly workerUrl?: URL;
}

interface Caller {
  readonly annotation: NewAnnotation;
  readonly call: AnnotateCall;
  resolve(id: string): void;
  reject(error: ChrysError): void;
}

interface Asked {
  resolve(value: Answers[keyof Answers]): void;
  reject(error: ChrysError): void;
  cancelBound(): void;
}

/** In one transaction, which others wait for. */
const MAX_TOGETHER = 1000;
const MAX_TOGETHER_CHARACTERS = 4 * 1024 * 1024;
/** So many callers may wait for the disk. */
const MAX_WAITING = 10_000;
const MAX_WAITING_CHARACTERS = 64 * 1024 * 1024;
/** A disk that takes longer than this does not answer. */
const STORED_BOUND_MS = 30_000;
const ANSWER_BOUND_MS = 15_000;
const STOP_GRACE_MS = 3000;
/** Of one annotation, as JSON. */
const MAX_CHARACTERS = 4 * 1024 * 1024;
const KEEP_INSTEAD = 'Or set annotation.mode to local to keep annotations here only.';
const WORKER = new URL('./annotation-worker.js', import.meta.url);
/** What is on its way, and a page of an answer. */
const HEAP_MB = { old: 256, young: 16 };

/**
 * The annotations of this proxy. Main thread: it never waits for the disk. Calls that come while a transaction runs are
 * stored together by the next one.
 */
export class StoredAnnotations implements Annotations {
  private readonly thread: SupervisedThread<ToAnnotationWorker, FromAnnotationWorker>;
  private readonly opened: Promise<void>;
  private readonly names: QueueNames;
  private readonly ids = new AnnotationIds(Date.now);
  private readonly questions = new Map<number, Asked>();
  private lastQuestion = 0;
  private keys: EdgeKeys;
  private waiting: Caller[] = [];
  private waitingCharacters = 0;
  /** Those of the transaction that runs. */
  private atDisk: readonly Caller[] = [];
  private atDiskSinceMs = 0;
  private cancelBound: (() => void) | undefined;
  private handing = false;
  private closed = false;

  private constructor(private readonly options: StoredAnnotationsOptions) {
    this.keys = keysOnly(options.keys);
    this.names = options.names ?? ANNOTATION_NAMES;
    const { items } = this.names;
    let resolve: () => void;
    let reject: (error: ChrysError) => void;
    this.opened = new Promise((...settle) => {
      [resolve, reject] = settle;
    });
    const { clock, logger } = options;
    this.thread = new SupervisedThread({
      url: options.workerUrl ?? WORKER,
      name: items,
      what: `The thread that keeps ${items}`,
      data: () => this.workerData(),
      heapMb: HEAP_MB,
      clock,
      logger,
      isReady: (message: FromAnnotationWorker) => message.kind === 'opened',
      onMessage: (message: FromAnnotationWorker) => {
        if (message.kind === 'opened') resolve();
        else if (message.kind === 'unusable') reject(errorOf(message.error));
        else this.onMessage(message);
      },
      onCrashed: () => {
        const { outage } = this.thread;
        reject(new ChrysError('failed_precondition', `The ${items} cannot be opened: ${outage}.`));
        this.giveUp(new ChrysError('unavailable', `${outage}: send it again then`));
      },
    });
    this.thread.need();
  }

  /** Throws failed_precondition when the database is of no use. */
  static async open(options: StoredAnnotationsOptions): Promise<StoredAnnotations> {
    const annotations = new StoredAnnotations(options);
    try {
      await annotations.opened;
    } catch (error) {
      await annotations.stop();
      throw error;
    }
    return annotations;
  }

  /** What is wanted as evidence is stored in the same transaction. */
  annotate(request: AnnotateRequest, call: AnnotateCall, evidence?: EvidenceWish): Promise<string> {
    return new Promise((resolve, reject) => {
      const { clock, mode } = this.options;
      checkRequest(request, clock.nowMs());
      const missing = mode === 'cloud' ? missingKeys(this.keys) : undefined;
      if (missing !== undefined) throw new ChrysError('failed_precondition', `${missing} ${KEEP_INSTEAD}`);
      const id = this.ids.next();
      const annotation: NewAnnotation = {
        id,
        camera: request.deviceName,
        type: request.type,
        startMs: request.startTimestamp,
        storedMs: Date.now(),
        json: annotationJson(id, request),
        ...(evidence === undefined ? {} : { evidence }),
      };
      if (annotation.json.length > MAX_CHARACTERS) throw tooLong(annotation.json.length);
      this.store(annotation, call).then(resolve, reject);
    });
  }

  /** As annotate, whatever it is and whether there are keys or not: it waits for them. */
  store(annotation: NewAnnotation, call: AnnotateCall): Promise<string> {
    return new Promise((resolve, reject) => {
      this.checkRoom();
      this.waiting.push({ annotation, call, resolve, reject });
      this.waitingCharacters += annotation.json.length;
      this.handOverSoon();
    });
  }

  status(): Promise<AnnotationsStatus> {
    return this.ask({ kind: 'status' }) as Promise<AnnotationsStatus>;
  }

  get(id: string): Promise<ShownAnnotation | undefined> {
    return this.ask({ kind: 'get', id }) as Promise<ShownAnnotation | undefined>;
  }

  list(query: AnnotationQuery): Promise<AnnotationPage> {
    return this.ask({ kind: 'list', query }) as Promise<AnnotationPage>;
  }

  refused(afterSeq: number, limit: number): Promise<readonly ShownAnnotation[]> {
    return this.ask({ kind: 'refused', afterSeq, limit }) as Promise<readonly ShownAnnotation[]>;
  }

  handleRefused(how: RefusedHandling, ids: readonly string[] | undefined): Promise<number> {
    return this.ask({ kind: 'handleRefused', how, ids }) as Promise<number>;
  }

  /** May take as long as annotation.timeout_ms. */
  checkEndpoint(): Promise<EndpointCheck> {
    return this.ask({ kind: 'checkEndpoint' }, this.options.timeoutMs) as Promise<EndpointCheck>;
  }

  /** The oldest that is still to be made. */
  pendingEvidence(limit: number): Promise<readonly PendingEvidence[]> {
    return this.ask({ kind: 'pendingEvidence', limit }) as Promise<readonly PendingEvidence[]>;
  }

  /** That the picture is kept, although the clip is not yet. */
  async noteSnapshot(id: string, snapshot: KeptSnapshot): Promise<void> {
    await this.ask({ kind: 'noteSnapshot', id, snapshot });
  }

  /** False: its files are of no use, because nobody waits for it any more or there is no room. */
  settleEvidence(id: string, made: MadeEvidence): Promise<boolean> {
    return this.ask({ kind: 'settleEvidence', id, made }) as Promise<boolean>;
  }

  useKeys(keys: EdgeKeys): void {
    this.keys = keysOnly(keys);
    this.thread.send({ kind: 'keys', keys: this.keys });
  }

  /** What was acknowledged stays in the database. Resolves within about three seconds. */
  async stop(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    if (!(await this.thread.end({ kind: 'stop' }, STOP_GRACE_MS))) {
      this.options.logger.warn(`the database of the ${this.names.items} does not answer: the disk is very slow`);
    }
    this.giveUp(shuttingDown());
  }

  private workerData(): AnnotationWorkerData {
    const { dataDir, endpoint, timeoutMs, maxQueue, keepMs } = this.options;
    const { mode, unackedLimit, pollDurationMs, maxBatchSize, redis, names, retryRefused } = this.options;
    const sending = { redis, mode, unackedLimit, pollDurationMs, maxBatchSize, names, retryRefused };
    const { sendEvidence, evidenceMaxBytes } = this.options;
    const evidence = { sendEvidence, evidenceMaxBytes };
    return { dataDir, endpoint, timeoutMs, maxQueue, keepMs, ...sending, ...evidence, keys: this.keys };
  }

  private checkRoom(): void {
    if (this.closed || this.options.stopping.aborted) throw shuttingDown();
    if (this.thread.outage !== '') throw new ChrysError('unavailable', `${this.thread.outage}: send it again then`);
    if (this.diskIsSilent) throw diskIsSilent();
    if (this.waiting.length >= MAX_WAITING || this.waitingCharacters >= MAX_WAITING_CHARACTERS) {
      const text = `Too many ${this.names.items} at the moment (${this.waiting.length} wait for the disk). Send it again later.`;
      throw new ChrysError('resource_exhausted', text);
    }
  }

  private get diskIsSilent(): boolean {
    return this.atDisk.length > 0 && this.options.clock.monotonicMs() - this.atDiskSinceMs > STORED_BOUND_MS;
  }

  /** When all calls that have arrived by now were read. */
  private handOverSoon(): void {
    if (this.handing || this.atDisk.length > 0) return;
    this.handing = true;
    setImmediate(() => {
      this.handing = false;
      this.handOver();
    });
  }

  private handOver(): void {
    if (this.atDisk.length > 0) return;
    const together = this.takeTogether();
    if (together.length === 0) return;
    this.atDisk = together;
    this.atDiskSinceMs = this.options.clock.monotonicMs();
    this.thread.send({ kind: 'store', annotations: together.map(({ annotation }) => annotation) });
    this.cancelBound = this.options.clock.after(STORED_BOUND_MS, () => {
      this.reject([...together, ...this.takeAll()], diskIsSilent());
    });
  }

  /** The next that are to be stored. Those whose callers have gone are not. */
  private takeTogether(): readonly Caller[] {
    const together: Caller[] = [];
    let characters = 0;
    let taken = 0;
    for (const caller of this.waiting) {
      if (together.length === MAX_TOGETHER || characters > MAX_TOGETHER_CHARACTERS) break;
      taken += 1;
      this.waitingCharacters -= caller.annotation.json.length;
      if (caller.call.isGone()) {
        caller.reject(new ChrysError('deadline_exceeded', 'The call ended before the annotation was stored.'));
        continue;
      }
      characters += caller.annotation.json.length;
      together.push(caller);
    }
    this.waiting = this.waiting.slice(taken);
    return together;
  }

  private takeAll(): readonly Caller[] {
    const all = this.waiting;
    this.waiting = [];
    this.waitingCharacters = 0;
    return all;
  }

  private onMessage(message: Exclude<FromAnnotationWorker, { kind: 'opened' | 'unusable' }>): void {
    switch (message.kind) {
      case 'stored':
        this.onStored(message.count, message.error);
        break;
      case 'answer':
        this.settleQuestion(message.id)?.resolve(message.value);
        break;
      case 'refusal':
        this.settleQuestion(message.id)?.reject(errorOf(message.error));
        break;
      case 'log':
        this.options.logger[message.level](message.text);
        break;
    }
  }

  private onStored(count: number, error: SentError | undefined): void {
    const callers = this.atDisk;
    this.atDisk = [];
    this.cancelBound?.();
    this.handOver();
    for (const caller of callers.slice(0, count)) caller.resolve(caller.annotation.id);
    if (error !== undefined) this.reject(callers.slice(count), errorOf(error));
  }

  private async ask(question: Question, moreMs = 0): Promise<Answers[keyof Answers]> {
    if (this.closed) throw shuttingDown();
    if (this.thread.outage !== '') throw new ChrysError('unavailable', `${this.thread.outage}: ask again then`);
    this.lastQuestion += 1;
    const id = this.lastQuestion;
    return await new Promise((resolve, reject) => {
      const cancelBound = this.options.clock.after(ANSWER_BOUND_MS + moreMs, () => {
        this.settleQuestion(id)?.reject(diskIsSilent());
      });
      this.questions.set(id, { resolve, reject, cancelBound });
      this.thread.send({ kind: 'ask', id, question });
    });
  }

  private settleQuestion(id: number): Asked | undefined {
    const asked = this.questions.get(id);
    this.questions.delete(id);
    asked?.cancelBound();
    return asked;
  }

  private giveUp(error: ChrysError): void {
    const callers = [...this.atDisk, ...this.takeAll()];
    this.atDisk = [];
    this.cancelBound?.();
    this.reject(callers, error);
    for (const id of [...this.questions.keys()]) this.settleQuestion(id)?.reject(error);
  }

  private reject(callers: readonly Caller[], error: ChrysError): void {
    for (const caller of callers) caller.reject(error);
  }
}

/** Whatever else the settings hold is nothing for the worker. */
function keysOnly({ edgeKey, edgeSecret }: EdgeKeys): EdgeKeys {
  return { edgeKey, edgeSecret };
}

function errorOf({ kind, message }: SentError): ChrysError {
  return new ChrysError(kind, message);
}

function tooLong(characters: number): ChrysError {
  const text = `the annotation is too long: ${characters} characters as JSON, at most ${MAX_CHARACTERS} are allowed; shorten its mask or its signature`;
  return new ChrysError('invalid_argument', text);
}

function shuttingDown(): ChrysError {
  return new ChrysError('unavailable', 'The proxy is shutting down: send it again later.');
}

function diskIsSilent(): ChrysError {
  const text = `The disk of the data directory has not answered for ${STORED_BOUND_MS / 1000} s. Try again later, and look at the disk.`;
  return new ChrysError('unavailable', text);
}
