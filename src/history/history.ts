import { availableParallelism } from 'node:os';

import { systemClock, type Clock } from '../base/clock.js';
import { ChrysError } from '../base/errors.js';
import { MAX_FRAME_MESSAGE_BYTES } from '../cameras/rings.js';
import type { Camera, Look } from '../cameras/types.js';
import type { NativeAddon, StreamInfo } from '../native/types.js';
import { HistoryThread } from './history-thread.js';
import type { FromHistoryWorker, OpenMessage } from './messages.js';
import { PastFrames } from './past-frames.js';
import { SpareMemory } from './spare-memory.js';

/** Which frames of a camera's packet ring. Times are arrivals of packets, microseconds since the epoch, inclusive. */
export interface HistoryQuery {
  readonly camera: Camera;
  readonly fromUs: number;
  readonly toUs: number;
  /** Only the frame nearest to this moment, whatever the range. */
  readonly nearestUs?: number;
  readonly lookOf: (stream: StreamInfo) => Look;
  readonly keyframesOnly: boolean;
  /** A frame about every so many milliseconds; 0 = every frame. */
  readonly intervalMs: number;
  readonly withholdCorrupt: boolean;
}

export interface HistoryLimits {
  /** Default: as many as there are cores. */
  readonly workers?: number;
  /** Queries that one worker serves at a time, a frame of each in turn. */
  readonly queriesPerWorker?: number;
  /** Queries that wait for a worker. */
  readonly waiting?: number;
  /** A worker without a query for so long ends. */
  readonly idleMs?: number;
}

const QUERIES_PER_WORKER = 8;
const WAITING = 64;
const IDLE_MS = 5000;

interface Worker {
  readonly thread: HistoryThread;
  readonly queries: Map<number, PastFrames>;
  cancelIdle: (() => void) | undefined;
}

interface Waiting {
  readonly message: OpenMessage;
  readonly frames: PastFrames;
}

/** Decodes the past on threads of its own, which come with the first query and leave when there are no more. Main thread. */
export class History {
  private readonly workers = new Set<Worker>();
  private readonly leaving = new Set<Promise<void>>();
  private readonly waiting = new Map<number, Waiting>();
  private readonly workerOf = new Map<number, Worker>();
  private readonly limits: Required<HistoryLimits>;
  private readonly spare = new SpareMemory();
  private lastId = 0;
  private started = 0;
  private closed = false;

  constructor(
    private readonly addon: Pick<NativeAddon, 'copyBytes'>,
    limits: HistoryLimits = {},
    private readonly clock: Clock = systemClock,
    private readonly workerUrl: URL = new URL('./history-worker.js', import.meta.url),
  ) {
    this.limits = {
      workers: limits.workers ?? availableParallelism(),
      queriesPerWorker: limits.queriesPerWorker ?? QUERIES_PER_WORKER,
      waiting: limits.waiting ?? WAITING,
      idleMs: limits.idleMs ?? IDLE_MS,
    };
  }

  /** Threads and queries at the moment. A query counts until its thread has let go of it. */
  get load(): { readonly workers: number; readonly running: number; readonly waiting: number } {
    return { workers: this.workers.size, running: this.workerOf.size, waiting: this.waiting.size };
  }

  /** Throws resource_exhausted when too many wait already. */
  open(query: HistoryQuery): PastFrames {
    if (this.closed) throw shuttingDown();
    const id = ++this.lastId;
    const spare = this.spare.take();
    const frames = new PastFrames(
      {
        copyBytes: (...copy) => {
          this.addon.copyBytes(...copy);
        },
        onClosed: () => {
          this.letGo(id);
        },
        onRelease: () => {
          this.workerOf.get(id)?.thread.wake();
        },
        onUnused: (memories) => {
          if (this.workers.size > 0) this.spare.put(memories);
        },
      },
      spare,
    );
    const message = openMessageOf(id, query, frames.slots.buffer, spare);
    if (message === undefined) {
      frames.end();
      return frames;
    }
    const worker = this.freeWorker();
    if (worker !== undefined) {
      this.run(worker, message, frames);
      return frames;
    }
    if (this.waiting.size >= this.limits.waiting) {
      throw new ChrysError(
        'resource_exhausted',
        `${this.workerOf.size} queries for past frames run and ${this.waiting.size} wait already: try again later`,
      );
    }
    this.waiting.set(id, { message, frames });
    return frames;
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

  /** The one with the fewest queries; a new one rather than one that has any. */
  private freeWorker(): Worker | undefined {
    const [least] = [...this.workers].sort((one, other) => one.queries.size - other.queries.size);
    if (least?.queries.size === 0) return least;
    if (this.workers.size < this.limits.workers) return this.startWorker();
    return least !== undefined && least.queries.size < this.limits.queriesPerWorker ? least : undefined;
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

  private run(worker: Worker, message: OpenMessage, frames: PastFrames): void {
    worker.cancelIdle?.();
    worker.cancelIdle = undefined;
    worker.queries.set(message.id, frames);
    this.workerOf.set(message.id, worker);
    worker.thread.open(message);
  }

  private onMessage(worker: Worker, message: FromHistoryWorker): void {
    const frames = worker.queries.get(message.id);
    if (message.kind === 'ended') {
      worker.queries.delete(message.id);
      this.workerOf.delete(message.id);
    }
    frames?.onMessage(message);
    if (message.kind === 'ended') this.fill(worker);
  }

  /** Gives it what waits, or lets it go after a while. */
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
    if (this.workers.size === 0) this.spare.clear();
    const gone: Promise<void> = worker.thread.exit().then(() => {
      this.leaving.delete(gone);
    });
    this.leaving.add(gone);
  }

  private onCrashed(worker: Worker, why: string): void {
    worker.cancelIdle?.();
    this.workers.delete(worker);
    for (const [id, frames] of worker.queries) {
      this.workerOf.delete(id);
      frames.end(new ChrysError('internal', `the thread that decodes past frames ended: ${why}`));
    }
    worker.queries.clear();
    if (this.waiting.size > 0 && !this.closed) this.fill(this.startWorker());
  }

  /** Its flag is raised; the worker says 'ended' when it has seen that. */
  private letGo(id: number): void {
    this.waiting.delete(id);
    this.workerOf.get(id)?.thread.wake();
  }
}

function shuttingDown(): ChrysError {
  return new ChrysError('unavailable', 'the proxy is shutting down: try again later');
}

/** Undefined: the camera has no packets at all. */
function openMessageOf(
  id: number,
  query: HistoryQuery,
  block: SharedArrayBuffer,
  spare: readonly SharedArrayBuffer[],
): OpenMessage | undefined {
  const { camera, lookOf } = query;
  const { ring, streams } = camera.packets;
  if (ring === undefined) return undefined;
  return {
    kind: 'open',
    id,
    packetRing: ring,
    block,
    spare,
    options: {
      streams: [...streams.values()].map((stream) => ({
        connection: stream.connection,
        codecName: stream.codecName,
        extradata: stream.extradata,
        look: lookOf(stream),
      })),
      deviceId: camera.definition.name,
      fromUs: query.fromUs,
      toUs: query.toUs,
      nearestUs: query.nearestUs ?? -1,
      keyframesOnly: query.keyframesOnly,
      intervalMs: query.intervalMs,
      withholdCorrupt: query.withholdCorrupt,
      maxMessageBytes: MAX_FRAME_MESSAGE_BYTES,
    },
  };
}
