import { randomUUID } from 'node:crypto';
import type { Clock } from '../../base/clock.js';
import { messageOf } from '../../base/errors.js';
import type { AnnotationQueue } from '../../database/annotation-queue.js';
import { AutoResetEvent } from '../../base/auto-reset-event.js';
import { NotKnown, type SharedStream } from './shared-stream.js';

export interface RedisForwarderParts {
  readonly queue: Pick<AnnotationQueue, 'totals' | 'next' | 'share' | 'unshare' | 'shared' | 'settle'>;
  readonly stream: Pick<SharedStream, 'beginSession' | 'add' | 'done' | 'forget' | 'lost'>;
  readonly clock: Clock;
  /** Some were added to the stream. */
  readonly onMoved: () => void;
}

/** Of ours, in Redis at a time: its memory is not ours to fill, and what waits here is as safe. */
const MAX_SHARED = 10_000;
const MOVED_AT_ONCE = 500;
const MAX_CHARACTERS = 1024 * 1024;
const DONE_AT_ONCE = 500;
const CHECKED_AT_ONCE = 200;
/** While some of ours are there, it is asked so often what became of them. */
const ASK_EVERY_MS = 200;
const IDLE_MS = 2000;
const AGAIN_MS = 2000;
/** When Redis was flushed. */
const BEGIN_AGAIN_MS = 100;
/** Somebody may have removed single ones by hand. */
const CHECK_EVERY_MS = 60_000;

/**
 * Takes this proxy's annotations from its disk to the stream that proxies share, and notes on the disk what became of them.
 * What Redis has lost goes there again. Whatever ends this process or Redis in whatever place, an annotation that was not
 * settled is on the disk, and is added to the stream once.
 */
export class RedisForwarder {
  private readonly bell: AutoResetEvent;
  /** '' = what Redis has is to be compared with the disk before anything is added. */
  private session = '';
  private connected = false;
  private closed = false;
  private checkedMs = 0;
  private running: Promise<void> | undefined;
  private why = '';
  /** Noted here, and not forgotten there yet: they are not noted again, because they may have been queued again since. */
  private readonly noted = new Set<string>();

  constructor(private readonly parts: RedisForwarderParts) {
    this.bell = new AutoResetEvent(parts.clock);
  }

  /** Why nothing can be moved although Redis answers; '' = it can. */
  get error(): string {
    return this.why;
  }

  start(): void {
    this.running = this.run();
  }

  connect(): void {
    this.connected = true;
    this.session = '';
    this.bell.set();
  }

  disconnect(): void {
    this.connected = false;
  }

  /** There may be something to move, or something that is done. */
  wake(): void {
    this.bell.set();
  }

  async stop(): Promise<void> {
    this.closed = true;
    this.bell.set();
    await this.running;
  }

  private async run(): Promise<void> {
    while (!this.closed) {
      let waitMs = IDLE_MS;
      try {
        if (this.connected) waitMs = await this.round();
        if (this.connected) this.why = '';
      } catch (error) {
        this.session = '';
        // When the connection is gone, that is told by others.
        this.why = messageOf(error);
        waitMs = error instanceof NotKnown ? BEGIN_AGAIN_MS : AGAIN_MS;
      }
      if (waitMs > 0) await this.bell.wait(waitMs);
    }
  }

  /** How long there is nothing to do after it. */
  private async round(): Promise<number> {
    const { queue, clock } = this.parts;
    if (this.session === '') await this.agree();
    else if (clock.monotonicMs() - this.checkedMs > CHECK_EVERY_MS) await this.check(this.session);
    const settled = await this.note(this.session);
    const moved = await this.move(this.session);
    if (settled === DONE_AT_ONCE || (moved > 0 && queue.next(0, 1, 1).length > 0)) return 0;
    return queue.totals.shared > 0 ? ASK_EVERY_MS : IDLE_MS;
  }

  /** Before anything is added: what Redis has lost would else come behind what is new. */
  private async agree(): Promise<void> {
    const session = randomUUID();
    await this.parts.stream.beginSession(session);
    while ((await this.note(session)) === DONE_AT_ONCE);
    await this.check(session);
    this.session = session;
  }

  /** Those of ours that Redis does not have are queued here again. */
  private async check(session: string): Promise<void> {
    const { queue, stream, clock } = this.parts;
    let after = 0;
    for (;;) {
      const page = queue.shared(after, CHECKED_AT_ONCE);
      const lost = await stream.lost(
        session,
        page.map(({ id }) => id),
      );
      if (lost.length > 0) queue.unshare(lost);
      if (page.length < CHECKED_AT_ONCE) break;
      after = page.at(-1)?.seq ?? 0;
    }
    this.checkedMs = clock.monotonicMs();
  }

  private async note(session: string): Promise<number> {
    const { queue, stream } = this.parts;
    const done = await stream.done(session, DONE_AT_ONCE);
    if (done.length === 0) return 0;
    const news = done.filter(({ doneEntry }) => !this.noted.has(doneEntry));
    if (news.length > 0) queue.settle(news);
    for (const { doneEntry } of news) this.noted.add(doneEntry);
    await stream.forget(done);
    this.noted.clear();
    return done.length;
  }

  private async move(session: string): Promise<number> {
    const { queue, stream, onMoved } = this.parts;
    const room = Math.min(MOVED_AT_ONCE, MAX_SHARED - queue.totals.shared);
    if (room <= 0) return 0;
    const some = queue.next(0, room, MAX_CHARACTERS);
    if (some.length === 0) return 0;
    await stream.add(session, some);
    queue.share(some.map(({ seq }) => seq));
    onMoved();
    return some.length;
  }
}
