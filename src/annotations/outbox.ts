import type { QueuedAnnotation } from '../database/annotation.js';

export interface Waiting extends QueuedAnnotation {
  /** When it may no longer wait for a fuller batch; milliseconds of the monotonic clock. */
  readonly dueMs: number;
}

/** Annotations that do not go as the others do. */
export interface Exceptions {
  /** It is not to be sent yet, and none of its camera overtakes it. */
  holds(annotation: QueuedAnnotation): boolean;
  /** It goes in a batch of its own. */
  standsAlone(annotation: QueuedAnnotation): boolean;
}

interface Lane {
  /** In the order in which they are to be sent. */
  waiting: Waiting[];
  /** Some of this camera are on their way: none may overtake them. */
  busy: boolean;
}

/**
 * The annotations that are the next to be sent: a bounded part of the queue, in lanes, one for each camera. A batch
 * takes a camera's annotations together, so that another batch can be on its way at the same time.
 */
export class Outbox {
  private readonly lanes = new Map<string, Lane>();
  private count = 0;
  private length = 0;
  private sent = 0;

  constructor(private readonly exceptions?: Exceptions) {}

  /** Those that wait and those that are on their way. */
  get size(): number {
    return this.count;
  }

  /** Of all these. */
  get characters(): number {
    return this.length;
  }

  get inFlight(): number {
    return this.sent;
  }

  add(annotations: readonly Waiting[]): void {
    for (const annotation of annotations) {
      const lane = this.lanes.get(annotation.camera);
      if (lane === undefined) this.lanes.set(annotation.camera, { waiting: [annotation], busy: false });
      else lane.waiting.push(annotation);
    }
    this.count += annotations.length;
    this.length += charactersOf(annotations);
  }

  /** How many could go now, those behind one that is held included. */
  get ready(): number {
    return this.free().reduce((sum, { waiting }) => sum + waiting.length, 0);
  }

  /** When the first of those that could go is due; undefined: there is none. */
  get nextDueMs(): number | undefined {
    const dues = this.free().flatMap(({ waiting: [first] }) => (first === undefined ? [] : [first.dueMs]));
    return dues.length === 0 ? undefined : Math.min(...dues);
  }

  /** A batch: at least one when one is ready, at most `most`, and no more bytes than that when it is several. */
  take(most: number, maxBytes: number): Waiting[] {
    const batch: Waiting[] = [];
    let bytes = 0;
    for (const lane of this.free()) {
      let taken = 0;
      for (const annotation of lane.waiting) {
        bytes += Buffer.byteLength(annotation.json) + 1;
        if (batch.length >= most || (batch.length > 0 && bytes > maxBytes)) break;
        const isAlone = this.exceptions?.standsAlone(annotation) === true;
        if (this.exceptions?.holds(annotation) === true || (isAlone && batch.length > 0)) break;
        batch.push(annotation);
        taken += 1;
        if (isAlone) most = 1;
      }
      if (taken > 0) {
        lane.waiting = lane.waiting.slice(taken);
        lane.busy = true;
      }
      if (taken === 0 || lane.waiting.length > 0) break;
    }
    this.sent += batch.length;
    return batch.sort((one, other) => one.seq - other.seq);
  }

  /** A batch is over; what of it is still to be sent comes first again. */
  finish(batch: readonly Waiting[], left: readonly Waiting[]): void {
    this.sent -= batch.length;
    this.count -= batch.length - left.length;
    this.length -= charactersOf(batch) - charactersOf(left);
    for (const camera of new Set(batch.map((annotation) => annotation.camera))) {
      const lane = this.lanes.get(camera);
      if (lane === undefined) continue;
      lane.busy = false;
      const again = left.filter((annotation) => annotation.camera === camera);
      lane.waiting = [...again, ...lane.waiting];
      // What does not get through goes to the end, so that other cameras are tried as well.
      if (again.length > 0 || lane.waiting.length === 0) this.lanes.delete(camera);
      if (again.length > 0) this.lanes.set(camera, lane);
    }
  }

  private free(): Lane[] {
    return [...this.lanes.values()].filter(({ busy, waiting: [first] }) => !busy && !this.isHeld(first));
  }

  private isHeld(first: Waiting | undefined): boolean {
    return first !== undefined && this.exceptions?.holds(first) === true;
  }
}

function charactersOf(annotations: readonly Waiting[]): number {
  return annotations.reduce((sum, { json }) => sum + json.length, 0);
}
