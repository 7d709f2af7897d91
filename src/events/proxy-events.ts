import { AnnotationIds } from '../annotations/annotation-id.js';
import type { Clock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import type { Supervisor } from '../cameras/supervisor.js';
import type { Camera } from '../cameras/types.js';
import { cameraCondition } from './conditions.js';
import type { Condition, ProxyEvent } from './event.js';

export interface ProxyEventsOptions {
  readonly cameras: Pick<Supervisor, 'list' | 'onEvent' | 'onStateChange'>;
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'error' | 'debug'>;
  /** Of one camera; asked every second. */
  readonly ofCamera: readonly ((camera: string) => Condition | undefined)[];
  /** Of the whole proxy; asked every few seconds. May fail: then nothing is known. */
  readonly ofProxy: readonly (() => Condition | Promise<Condition>)[];
}

const LOOK_MS = 1000;
const LOOK_AT_PROXY_EVERY = 5;

/** Turns what happens to cameras, recordings and queues into events. Main thread. */
export class ProxyEvents {
  private readonly listeners = new Set<(event: ProxyEvent) => void>();
  private readonly ids: AnnotationIds;
  /** Of each type and camera. */
  private readonly known = new Map<string, Condition>();
  private readonly stops: (() => void)[] = [];
  private cancelLook: (() => void) | undefined;
  private rounds = 0;
  private looking = false;

  constructor(private readonly options: ProxyEventsOptions) {
    this.ids = new AnnotationIds(() => options.clock.nowMs());
  }

  /** From now on; call it when the stored cameras are there, which are no news. */
  start(): void {
    const { cameras } = this.options;
    this.stops.push(
      cameras.onStateChange((camera) => {
        this.look(cameraCondition(camera));
      }),
      cameras.onEvent((event, camera) => {
        if (event === 'added') this.tell({ ...ofCamera(camera), state: 'added' });
        if (event !== 'removed') return;
        this.tell({ ...ofCamera(camera), state: 'removed' });
        this.forget(camera.definition.name);
      }),
    );
    this.lookAgain();
  }

  /** Called on the main thread for each event. The result takes the listener away. */
  on(listener: (event: ProxyEvent) => void): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  close(): void {
    for (const stop of this.stops) stop();
    this.cancelLook?.();
    this.listeners.clear();
  }

  /** How something is now; an event if that is news. Undefined: nobody knows. */
  look(condition: Condition | undefined): void {
    if (condition === undefined) return;
    const key = `${condition.type} ${condition.camera}`;
    const before = this.known.get(key);
    this.known.set(key, condition);
    if (before === undefined ? condition.isUsual : isSame(before, condition)) return;
    this.tell(condition);
  }

  private lookAgain(): void {
    this.cancelLook = this.options.clock.after(LOOK_MS, () => {
      this.lookAround();
      this.lookAgain();
    });
  }

  private lookAround(): void {
    const { cameras, ofCamera: sources } = this.options;
    for (const camera of cameras.list()) {
      for (const source of sources) this.look(source(camera.definition.name));
    }
    this.rounds += 1;
    if (this.rounds % LOOK_AT_PROXY_EVERY === 0 && !this.looking) void this.lookAtProxy();
  }

  private async lookAtProxy(): Promise<void> {
    this.looking = true;
    for (const source of this.options.ofProxy) {
      try {
        this.look(await source());
      } catch (error) {
        this.options.logger.debug(`a condition is not known: ${messageOf(error)}`);
      }
    }
    this.looking = false;
  }

  private tell({ type, camera, state, reason, message }: Omit<ProxyEvent, 'id' | 'atMs'>): void {
    const atMs = this.options.clock.nowMs();
    const event: ProxyEvent = { id: this.ids.next(), atMs, type, camera, state, reason, message };
    for (const listener of this.listeners) {
      try {
        listener(event);
      } catch (error) {
        this.options.logger.error({ err: error }, 'a listener of the events threw');
      }
    }
  }

  private forget(camera: string): void {
    for (const [key, condition] of this.known) {
      if (condition.camera === camera) this.known.delete(key);
    }
  }
}

function ofCamera(camera: Camera): Omit<ProxyEvent, 'id' | 'atMs' | 'state'> {
  return { type: 'camera', camera: camera.definition.name, reason: '', message: '' };
}

function isSame(one: Condition, other: Condition): boolean {
  return one.state === other.state && one.reason === other.reason;
}
