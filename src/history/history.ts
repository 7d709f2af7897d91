import { availableParallelism } from 'node:os';

import { systemClock, type Clock } from '../base/clock.js';
import { ChrysError, messageOf } from '../base/errors.js';
import { MAX_FRAME_MESSAGE_BYTES } from '../cameras/capture/rings.js';
import type { HistoryOptions, NativeAddon, HistorySegment } from '../native/types.js';
import type { SegmentLookup } from '../database/segment.js';
import { HistoryThread } from './history-thread.js';
import type { FromHistoryWorker, OpenMessage } from './messages.js';
import { moreSegments, pathsOf, sourcesOf } from './on-disk.js';
import { HistoryFrames } from './history-frames.js';
import type { ClipQuery, HistoryQuery } from './queries.js';
import { BufferPool } from './buffer-pool.js';

export interface HistorySettings {
  /** Maximum width times height of a picture, for cameras that have no limit of their own. */
  readonly maxPixels: number;
  /** Default: nothing is on disk. */
  readonly disk?: SegmentLookup;
  /** Maximum number of threads. Default: the number of cores. */
  readonly workers?: number;
  /** Maximum number of queries that one worker serves at a time. */
  readonly queriesPerWorker?: number;
  /** Maximum number of queries that wait for a worker. At the limit, further queries are refused. */
  readonly waiting?: number;
  /** A worker without a query ends after this time, milliseconds. */
  readonly idleMs?: number;
}

const QUERIES_PER_WORKER = 8;
const WAITING = 64;
const IDLE_MS = 5000;

interface Worker {
  readonly thread: HistoryThread;
  readonly queries: Map<number, HistoryFrames>;
  cancelIdle: (() => void) | undefined;
}

interface BegunQuery {
  readonly id: number;
  readonly frames: HistoryFrames;
  /** Pooled memory that its worker may use. */
  readonly pooled: readonly SharedArrayBuffer[];
}

interface WaitingQuery {
  readonly message: OpenMessage;
  readonly frames: HistoryFrames;
}

/** Runs history queries on worker threads, which start with the first query and end when they are idle. Main thread. */
export class History {
  private readonly workers = new Set<Worker>();
  private readonly leaving = new Set<Promise<void>>();
  private readonly waiting = new Map<number, WaitingQuery>();
  private readonly workerOf = new Map<number, Worker>();
  private readonly limits: Required<Omit<HistorySettings, 'disk' | 'maxPixels'>>;
  private readonly disk: SegmentLookup | undefined;
  private readonly maxPixels: number;
  private readonly queryOf = new Map<number, HistoryQuery>();
  private readonly pool = new BufferPool();
  private lastId = 0;
  private started = 0;
  private closed = false;

  constructor(
    private readonly addon: Pick<NativeAddon, 'copyBytes'>,
    settings: HistorySettings,
    private readonly clock: Clock = systemClock,
    private readonly workerUrl: URL = new URL('./history-worker.js', import.meta.url),
  ) {
    this.disk = settings.disk;
    this.maxPixels = settings.maxPixels;
    this.limits = {
      workers: settings.workers ?? availableParallelism(),
      queriesPerWorker: settings.queriesPerWorker ?? QUERIES_PER_WORKER,
      waiting: settings.waiting ?? WAITING,
      idleMs: settings.idleMs ?? IDLE_MS,
    };
  }

  /** Current number of threads and queries. A query counts until its thread has ended it. */
  get load(): { readonly workers: number; readonly running: number; readonly waiting: number } {
    return { workers: this.workers.size, running: this.workerOf.size, waiting: this.waiting.size };
  }

  /** Throws resource_exhausted when too many queries wait. */
  open(query: HistoryQuery): HistoryFrames {
    const begun = this.begin();
    const { segments, moreSegments: more, ring } = sourcesOf(query, this.disk);
    if (ring === undefined && segments.length === 0) {
      begun.frames.end();
    } else {
      if (more || segments.length > 0) this.queryOf.set(begun.id, query);
      const options = this.frameOptionsOf(query, segments, more);
      this.start(begun, ring, { kind: 'frames', options });
    }
    return begun.frames;
  }

  /** Returns the pieces of one mp4 file, in order. There are none when the range has no frames. Throws like `open`. */
  openClip(query: ClipQuery): HistoryFrames {
    const begun = this.begin();
    const { packets, fromUs, toUs } = query;
    void pathsOf(query, this.disk).then(
      (paths) => {
        const streams = [...(packets?.streams.values() ?? [])];
        this.start(begun, packets?.ring, {
          kind: 'clip',
          audioRing: packets?.audioRing,
          options: { paths, streams, fromUs, toUs },
        });
      },
      (error: unknown) => {
        begun.frames.end(new ChrysError('internal', `The segments cannot be looked up: ${messageOf(error)}`));
      },
    );
    return begun.frames;
  }

  /** Ends all queries and threads. */
  async close(): Promise<void> {
    this.closed = true;
    for (const { frames } of this.waiting.values()) frames.end(shuttingDown());
    this.waiting.clear();
    for (const worker of [...this.workers]) {
      for (const frames of [...worker.queries.values()]) frames.close();
      this.dismiss(worker);
    }
    await Promise.all(this.leaving);
  }

  private begin(): BegunQuery {
    if (this.closed) throw shuttingDown();
    if (this.waiting.size >= this.limits.waiting) {
      throw new ChrysError(
        'resource_exhausted',
        `${this.workerOf.size} history queries are running and ${this.waiting.size} are waiting. Try again later.`,
      );
    }
    const id = ++this.lastId;
    const pooled = this.pool.take();
    const frames = new HistoryFrames(
      {
        copyBytes: (...copy) => {
          this.addon.copyBytes(...copy);
        },
        onClosed: () => {
          this.onClosed(id);
        },
        onRelease: () => {
          this.workerOf.get(id)?.thread.wake();
        },
        onUnused: (memories) => {
          if (this.workers.size > 0) this.pool.put(memories);
        },
      },
      pooled,
    );
    return { id, frames, pooled };
  }

  private frameOptionsOf(
    query: HistoryQuery,
    segments: readonly HistorySegment[],
    more: boolean,
  ): Omit<HistoryOptions, 'packetRing' | 'cancel'> {
    const { camera, formatOf } = query;
    return {
      segments,
      moreSegments: more,
      streams: [...camera.packets.streams.values()].map((stream) => ({
        connection: stream.connection,
        codecName: stream.codecName,
        extradata: stream.extradata,
        outputFormat: formatOf(stream),
      })),
      deviceId: camera.definition.name,
      fromUs: query.fromUs,
      toUs: query.toUs,
      nearestUs: query.nearestUs ?? -1,
      keyframesOnly: query.keyframesOnly,
      intervalMs: query.intervalMs,
      withholdCorrupt: query.withholdCorrupt,
      maxMessageBytes: MAX_FRAME_MESSAGE_BYTES,
      maxPixels: camera.definition.maxPixels ?? this.maxPixels,
    };
  }

  /** Starts the query on a worker, or queues it. */
  private start(
    { id, frames, pooled }: BegunQuery,
    ring: SharedArrayBuffer | undefined,
    job: OpenMessage['job'],
  ): void {
    if (this.closed || frames.isClosed) {
      frames.end(this.closed ? shuttingDown() : undefined);
      return;
    }
    const message: OpenMessage = {
      kind: 'open',
      id,
      packetRing: ring,
      block: frames.slots.buffer,
      pooled,
      job,
    };
    const worker = this.freeWorker();
    if (worker === undefined) this.waiting.set(id, { message, frames });
    else this.run(worker, message, frames);
  }

  /** An idle worker, otherwise a new one, otherwise the one with the fewest queries. Undefined: all are full. */
  private freeWorker(): Worker | undefined {
    const [leastBusy] = [...this.workers].sort((one, other) => one.queries.size - other.queries.size);
    if (leastBusy?.queries.size === 0) return leastBusy;
    if (this.workers.size < this.limits.workers) return this.startWorker();
    return leastBusy !== undefined && leastBusy.queries.size < this.limits.queriesPerWorker ? leastBusy : undefined;
  }

  private startWorker(): Worker {
    const worker: Worker = {
      thread: new HistoryThread(this.workerUrl, `history ${++this.started}`, {
        onMessage: (message) => {
          this.onMessage(worker, message);
        },
        onCrashed: (why) => {
          this.onCrashed(worker, why);
        },
      }),
      queries: new Map(),
      cancelIdle: undefined,
    };
    this.workers.add(worker);
    return worker;
  }

  private run(worker: Worker, message: OpenMessage, frames: HistoryFrames): void {
    worker.cancelIdle?.();
    worker.cancelIdle = undefined;
    worker.queries.set(message.id, frames);
    this.workerOf.set(message.id, worker);
    worker.thread.open(message);
  }

  private onMessage(worker: Worker, message: FromHistoryWorker): void {
    const frames = worker.queries.get(message.id);
    if (message.kind === 'more') {
      this.sendMore(worker, message.id, message.wanted);
      return;
    }
    if (message.kind === 'ended') {
      worker.queries.delete(message.id);
      this.workerOf.delete(message.id);
      this.queryOf.delete(message.id);
    }
    frames?.onMessage(message);
    if (message.kind === 'ended') this.fill(worker);
  }

  private sendMore(worker: Worker, id: number, wanted: number): void {
    const query = this.queryOf.get(id);
    let found: ReturnType<typeof moreSegments> = { segments: [], moreSegments: false };
    try {
      if (query !== undefined && this.disk !== undefined) found = moreSegments(query, wanted, this.disk);
    } catch (error) {
      const why = `The segments cannot be looked up: ${messageOf(error)}`;
      worker.queries.get(id)?.end(new ChrysError('unavailable', why));
    }
    worker.thread.addSegments({ kind: 'segments', id, segments: found.segments, more: found.moreSegments });
  }

  /** Starts queued queries on the worker, or ends it after `idleMs` without one. */
  private fill(worker: Worker): void {
    while (worker.queries.size < this.limits.queriesPerWorker) {
      const [next] = this.waiting.values();
      if (next === undefined) break;
      this.waiting.delete(next.message.id);
      this.run(worker, next.message, next.frames);
    }
    if (worker.queries.size > 0 || !this.workers.has(worker)) return;
    worker.cancelIdle?.();
    worker.cancelIdle = this.clock.after(this.limits.idleMs, () => {
      this.dismiss(worker);
    });
  }

  private dismiss(worker: Worker): void {
    worker.cancelIdle?.();
    this.workers.delete(worker);
    if (this.workers.size === 0) this.pool.clear();
    const ended: Promise<void> = worker.thread.exit().then(() => {
      this.leaving.delete(ended);
    });
    this.leaving.add(ended);
  }

  private onCrashed(worker: Worker, why: string): void {
    worker.cancelIdle?.();
    this.workers.delete(worker);
    for (const [id, frames] of worker.queries) {
      this.workerOf.delete(id);
      this.queryOf.delete(id);
      frames.end(new ChrysError('internal', `The history thread crashed: ${why}`));
    }
    worker.queries.clear();
    if (this.waiting.size > 0 && !this.closed) this.fill(this.startWorker());
  }

  /** Wakes the worker of a cancelled query; the worker answers with 'ended'. */
  private onClosed(id: number): void {
    if (this.waiting.delete(id)) this.queryOf.delete(id);
    this.workerOf.get(id)?.thread.wake();
  }
}

function shuttingDown(): ChrysError {
  return new ChrysError('unavailable', 'The proxy is shutting down. Try again later.');
}
