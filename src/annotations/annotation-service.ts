import { setImmediate as otherWork } from 'node:timers/promises';
import type { Clock } from '../base/clock.js';
import { ChrysError, messageOf } from '../base/errors.js';
import type { AnnotationQueue } from '../database/annotation-queue.js';
import type { AnnotationPlace, ShownAnnotation } from '../database/annotation.js';
import type { MadeEvidence } from '../database/evidence.js';
import type { Endpoint } from '../cloud/endpoint.js';
import { checkEndpoint } from '../cloud/endpoint-check.js';
import { batchTrial } from './batch-trial.js';
import type {
  AnnotationWorkerData,
  Answers,
  FromAnnotationWorker,
  Question,
  SentError,
  ToAnnotationWorker,
} from './messages.js';
import { evidenceFolder } from './evidence/evidence-files.js';
import { EvidenceGate } from './evidence/evidence-gate.js';
import { EvidenceKeeper } from './evidence/evidence-keeper.js';
import { ANNOTATION_NAMES, type QueueNames } from './queue-names.js';
import { Sender } from './sender.js';
import { SharedQueue, type SharedQueueParts } from './shared/shared-queue.js';
import type { EdgeKeys } from '../cloud/signature.js';
import type { AnnotationPage, AnnotationQuery, AnnotationsStatus, RefusedHandling } from './types.js';

export interface ServiceEnvironment {
  readonly data: AnnotationWorkerData;
  readonly queue: AnnotationQueue;
  readonly endpoint: Endpoint;
  readonly clock: Clock;
  readonly post: (message: FromAnnotationWorker) => void;
}

/** Delivered annotations that are kept at most, however short a time ago they were delivered. */
const MAX_KEPT = 1_000_000;
/** Old ones are removed so many at a time, because whoever annotates waits meanwhile. */
const CLEANED_AT_ONCE = 500;
const CLEAN_AGAIN_MS = 50;
const CLEAN_EVERY_MS = 10_000;
/** A question looks at so many annotations before others have their turn, and at so many in all. */
const LOOK_AT_ONCE = 1000;
const LOOK_IN_ALL = 50_000;
/** A page ends when it is so long, because whoever reads it has to take it in whole. */
const MAX_PAGE_CHARACTERS = 1024 * 1024;
const HANDLED_AT_ONCE = 500;

/** All that the annotation worker does, without its thread. */
export class AnnotationService {
  private readonly sender: Sender;
  private readonly names: QueueNames;
  private readonly shared: SharedQueue | undefined;
  private readonly evidence: EvidenceKeeper;
  private readonly gate: EvidenceGate | undefined;
  private readonly stopping = new AbortController();
  private keys: EdgeKeys;
  private cancelCleaning: (() => void) | undefined;

  constructor(private readonly env: ServiceEnvironment) {
    const { data, queue, clock, post } = env;
    this.keys = data.keys;
    this.names = data.names ?? ANNOTATION_NAMES;
    const log = (level: 'info' | 'warn', text: string): void => {
      post({ kind: 'log', level, text });
    };
    this.shared = this.sharedQueue(log);
    const files = { folder: evidenceFolder(data.dataDir), table: queue.evidence };
    this.evidence = new EvidenceKeeper({ ...files, maxBytes: data.evidenceMaxBytes, log });
    const wake = (): void => {
      this.sender.wake();
    };
    this.gate = data.sendEvidence ? new EvidenceGate({ ...files, clock, wake }) : undefined;
    this.sender = new Sender({
      ...data,
      ...env,
      queue: this.shared?.source ?? queue,
      evidence: this.gate,
      random: Math.random,
      log,
    });
    this.shared?.start();
    this.sender.useKeys(data.keys);
    this.clean();
  }

  /** What main says; 'stop' is for the caller, who calls stop(). */
  async take(message: Exclude<ToAnnotationWorker, { kind: 'stop' }>): Promise<void> {
    switch (message.kind) {
      case 'store':
        this.store(message);
        break;
      case 'keys':
        this.keys = message.keys;
        this.sender.useKeys(message.keys);
        this.shared?.reconsider();
        break;
      case 'ask':
        await this.answer(message.id, message.question);
        break;
    }
  }

  async stop(graceMs: number): Promise<void> {
    this.stopping.abort();
    this.cancelCleaning?.();
    await this.shared?.stop(graceMs);
    this.gate?.close();
    await this.sender.stop(graceMs);
  }

  /** What is queued here goes there, if there is one. */
  private sharedQueue(log: SharedQueueParts['log']): SharedQueue | undefined {
    const { data, queue, clock } = this.env;
    if (data.redis === undefined || data.mode === 'local') return undefined;
    return new SharedQueue(data.redis, { queue, clock, log, keys: () => this.keys, sender: () => this.sender });
  }

  /** Some were queued. */
  private wake(): void {
    (this.shared ?? this.sender).wake();
  }

  private store({ annotations }: Extract<ToAnnotationWorker, { kind: 'store' }>): void {
    const { data, queue, post } = this.env;
    const { queued, setAside } = queue.totals;
    const room = data.mode === 'local' ? Infinity : Math.max(0, data.maxQueue - queued - setAside);
    const taken = annotations.length <= room ? annotations : annotations.slice(0, room);
    try {
      if (taken.length > 0) queue.add(taken, data.mode === 'local' ? 'local' : 'queued');
      const full =
        taken.length < annotations.length
          ? { error: sent(queueIsFull(this.names, data.maxQueue, queued, setAside)) }
          : {};
      post({ kind: 'stored', count: taken.length, ...full });
    } catch (error) {
      post({ kind: 'stored', count: 0, error: sent(error) });
    }
    this.wake();
  }

  private async answer(id: number, question: Question): Promise<void> {
    try {
      this.env.post({ kind: 'answer', id, value: await this.valueOf(question) });
    } catch (error) {
      this.env.post({ kind: 'refusal', id, error: sent(error) });
    }
  }

  private async valueOf(question: Question): Promise<Answers[keyof Answers]> {
    const { queue, endpoint, clock } = this.env;
    switch (question.kind) {
      case 'status':
        return this.status();
      case 'list':
        return await this.list(question.query);
      case 'refused':
        return queue.refused(question.afterSeq, question.limit, MAX_PAGE_CHARACTERS);
      case 'handleRefused':
        return await this.handleRefused(question.how, question.ids);
      case 'checkEndpoint':
        return await checkEndpoint(batchTrial(endpoint, this.names, this.stopping.signal), this.keys, clock);
      case 'get':
        return queue.byId(question.id);
      case 'pendingEvidence':
        return queue.evidence.pending(question.limit);
      case 'noteSnapshot':
        queue.evidence.noteSnapshot(question.id, question.snapshot);
        return undefined;
      case 'settleEvidence':
        return this.settleEvidence(question.id, question.made);
    }
  }

  private settleEvidence(id: string, made: MadeEvidence): boolean {
    const isWanted = this.evidence.settle(id, made);
    // Those that were removed to make room.
    this.evidence.clean();
    this.sender.wake();
    return isWanted;
  }

  private status(): AnnotationsStatus {
    const { data, queue, clock } = this.env;
    const { oldestQueuedMs } = queue;
    const { text, atMs } = this.sender.lastError;
    return {
      mode: data.mode,
      ...queue.totals,
      inFlight: this.sender.inFlight,
      oldestAgeMs: oldestQueuedMs === undefined ? undefined : Math.max(0, clock.nowMs() - oldestQueuedMs),
      paused: this.shared?.paused ?? this.sender.paused,
      lastError: text,
      lastErrorMs: atMs,
      nextAttemptMs: this.sender.nextAttemptMs,
      redis: this.shared?.status,
    };
  }

  private async list({ camera, type, fromMs, toMs, after, limit }: AnnotationQuery): Promise<AnnotationPage> {
    const { queue } = this.env;
    const found: ShownAnnotation[] = [];
    let at: AnnotationPlace = after ?? { startMs: fromMs, seq: 0 };
    let characters = 0;
    for (let looked = 0; looked < LOOK_IN_ALL; looked += LOOK_AT_ONCE) {
      const { places, lookedTo } = queue.search({ camera, type, toMs, after: at, look: LOOK_AT_ONCE });
      for (const place of places) {
        const annotation = queue.get(place.seq);
        // The last one that was given, and not the one before this: others may have been looked at between them.
        if (found.length === limit || characters > MAX_PAGE_CHARACTERS) return { annotations: found, next: at };
        if (annotation === undefined) continue;
        found.push(annotation);
        characters += annotation.json.length;
        at = { startMs: place.startMs, seq: place.seq };
      }
      if (lookedTo === undefined) return { annotations: found, next: undefined };
      at = lookedTo;
      await otherWork();
    }
    return { annotations: found, next: at };
  }

  private async handleRefused(how: RefusedHandling, ids: readonly string[] | undefined): Promise<number> {
    const { queue } = this.env;
    const wanted = ids === undefined ? undefined : queue.refusedSeqs([...new Set(ids)]);
    // Those that are refused again meanwhile are not taken twice.
    const count = wanted?.length ?? queue.totals.setAside;
    let handled = 0;
    while (handled < count) {
      const most = Math.min(HANDLED_AT_ONCE, count - handled);
      const some =
        wanted?.slice(handled, handled + most) ?? queue.refused(0, most, MAX_PAGE_CHARACTERS).map(({ seq }) => seq);
      if (some.length === 0) break;
      queue[how](some);
      handled += some.length;
      this.wake();
      await otherWork();
    }
    return handled;
  }

  /** They were shared when this proxy had a Redis. Another proxy may send them as well: under equal ids. */
  private takeBack(): void {
    const { data, queue } = this.env;
    if (data.redis !== undefined || queue.totals.shared === 0) return;
    for (let some = queue.shared(0, HANDLED_AT_ONCE); some.length > 0; some = queue.shared(0, HANDLED_AT_ONCE)) {
      queue.unshare(some.map(({ id }) => id));
    }
    this.sender.reload();
  }

  private clean(): void {
    const { data, queue, clock, post } = this.env;
    let removed = 0;
    try {
      this.takeBack();
      removed = queue.clean(clock.nowMs() - data.keepMs, MAX_KEPT, CLEANED_AT_ONCE);
    } catch (error) {
      post({
        kind: 'log',
        level: 'warn',
        text: `the database of the ${this.names.items} cannot be tidied up: ${messageOf(error)}`,
      });
    }
    const more = this.evidence.clean();
    const againMs = removed === CLEANED_AT_ONCE || more ? CLEAN_AGAIN_MS : CLEAN_EVERY_MS;
    this.cancelCleaning = clock.after(againMs, () => {
      this.clean();
    });
  }
}

function queueIsFull(names: QueueNames, maxQueue: number, queued: number, setAside: number): ChrysError {
  return new ChrysError(
    'resource_exhausted',
    `The queue of ${names.items} is full: ${queued} wait and ${setAside} are set aside, ${names.maxQueueKey} is ${maxQueue}. ` +
      `This one was not stored. GET ${names.statusRoute} says why they are not sent; send it again later.`,
  );
}

function sent(error: unknown): SentError {
  return error instanceof ChrysError
    ? { kind: error.kind, message: error.message }
    : { kind: 'internal', message: messageOf(error) };
}
