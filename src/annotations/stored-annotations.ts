import { systemClock, type Clock } from '../base/clock.js';
import { ChrysError } from '../base/errors.js';
import { TimeOrderedIds } from '../base/time-ordered-ids.js';
import type { EndpointCheck } from '../cloud/endpoint-check.js';
import { missingKeys, type EdgeKeys } from '../cloud/signature.js';
import type { AnnotateRequest } from '../gen/chrys/cloud/videostreaming/v1beta1/video_streaming.js';
import { Outbox, type OutboxOptions } from '../outbox/outbox.js';
import type { ItemPage, ItemQuery, OutboxStatus, RefusedAction, StoreCall } from '../outbox/types.js';
import { annotationJson } from './annotation-json.js';
import type { NewAnnotation, ShownAnnotation } from './annotation.js';
import { checkRequest } from './check-request.js';
import type { EvidenceRequest, StoredSnapshot, MadeEvidence, PendingEvidence } from './evidence/evidence.js';
import type { AnnotationData, AnnotationQuestions } from './messages.js';
import type { Annotations } from './types.js';

export interface StoredAnnotationsOptions extends OutboxOptions<AnnotationData> {
  /** The clock of packet arrivals. start_timestamp must be near its time. */
  readonly clock: Clock;
  /** Gives ids and `storedMs`. Default: the system clock. */
  readonly storeClock?: Pick<Clock, 'nowMs'>;
}

/** Maximum length of one annotation, as JSON. */
const MAX_CHARACTERS = 4 * 1024 * 1024;
const WORKER = new URL('./annotation-worker.js', import.meta.url);

/** The annotations of this proxy. Main thread; it never waits for the disk. */
export class StoredAnnotations implements Annotations {
  private readonly ids: TimeOrderedIds;
  private readonly storeClock: Pick<Clock, 'nowMs'>;
  private keys: EdgeKeys;

  private constructor(
    private readonly outbox: Outbox<NewAnnotation, AnnotationQuestions>,
    private readonly options: StoredAnnotationsOptions,
  ) {
    this.keys = options.data.keys;
    this.storeClock = options.storeClock ?? systemClock;
    this.ids = new TimeOrderedIds(() => this.storeClock.nowMs());
  }

  /** Throws failed_precondition when the database cannot be used. */
  static async open(options: StoredAnnotationsOptions): Promise<StoredAnnotations> {
    const outbox = await Outbox.open<NewAnnotation, AnnotationQuestions>({ workerUrl: WORKER, ...options });
    return new StoredAnnotations(outbox, options);
  }

  /** Stores the annotation and its request for evidence in one transaction. */
  async annotate(request: AnnotateRequest, call: StoreCall, evidence?: EvidenceRequest): Promise<string> {
    const { clock, data } = this.options;
    checkRequest(request, clock.nowMs());
    const missing = data.mode === 'cloud' ? missingKeys(this.keys) : undefined;
    if (missing !== undefined) {
      const text = `${missing} Or set annotation.mode to local to keep annotations here only.`;
      throw new ChrysError('failed_precondition', text);
    }
    const id = this.ids.next();
    const json = annotationJson(id, request);
    if (json.length > MAX_CHARACTERS) throw tooLong(json.length);
    const annotation: NewAnnotation = {
      id,
      camera: request.deviceName,
      type: request.type,
      startMs: request.startTimestamp,
      storedMs: this.storeClock.nowMs(),
      json,
    };
    return await this.outbox.store(evidence === undefined ? annotation : { ...annotation, evidence }, call);
  }

  status(): Promise<OutboxStatus> {
    return this.outbox.status();
  }

  get(id: string): Promise<ShownAnnotation | undefined> {
    return this.outbox.ask('get', { id });
  }

  list(query: ItemQuery): Promise<ItemPage<ShownAnnotation>> {
    return this.outbox.ask('list', query);
  }

  refused(afterSeq: number, limit: number): Promise<readonly ShownAnnotation[]> {
    return this.outbox.ask('refused', { afterSeq, limit });
  }

  handleRefused(action: RefusedAction, ids: readonly string[] | undefined): Promise<number> {
    return this.outbox.handleRefused(action, ids);
  }

  checkEndpoint(): Promise<EndpointCheck> {
    return this.outbox.checkEndpoint();
  }

  /** Up to `limit` pieces of evidence that are still to be made, oldest first. */
  pendingEvidence(limit: number): Promise<readonly PendingEvidence[]> {
    return this.outbox.ask('pendingEvidence', { limit });
  }

  /** Stores the facts of the snapshot, whose file is complete, while the clip is still to be made. */
  async noteSnapshot(id: string, snapshot: StoredSnapshot): Promise<void> {
    await this.outbox.ask('noteSnapshot', { id, snapshot });
  }

  /** False: the files are not needed, because the annotation was deleted or there is no room. */
  settleEvidence(id: string, made: MadeEvidence): Promise<boolean> {
    return this.outbox.ask('settleEvidence', { id, made });
  }

  useKeys(keys: EdgeKeys): void {
    this.keys = keys;
    this.outbox.useKeys(keys);
  }

  stop(): Promise<void> {
    return this.outbox.stop();
  }
}

function tooLong(characters: number): ChrysError {
  const text =
    `The annotation is too long: ${characters} characters as JSON, at most ${MAX_CHARACTERS} are allowed. Shorten its ` +
    'mask or its signature.';
  return new ChrysError('invalid_argument', text);
}
