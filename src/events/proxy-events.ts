import type { Clock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import { TimeOrderedIds } from '../base/time-ordered-ids.js';
import type { Supervisor } from '../cameras/supervisor.js';
import type { Camera } from '../cameras/types.js';
import { cameraCondition } from './conditions.js';
import type { Condition, ProxyEvent } from './event.js';

export interface ProxyEventsOptions {
  readonly cameras: Pick<Supervisor, 'list' | 'onEvent' | 'onStateChange'>;
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'error' | 'debug'>;
  /** Conditions of one camera, queried every CAMERA_INTERVAL_MS. */
  readonly cameraConditions: readonly ((camera: string) => Condition | undefined)[];
  /** Conditions of the whole proxy, queried every PROXY_ROUNDS rounds. A condition that throws is not known. */
  readonly proxyConditions: readonly (() => Condition | Promise<Condition>)[];
}

const CAMERA_INTERVAL_MS = 1000;
const PROXY_ROUNDS = 5;

/** Turns changes of cameras, recordings, passthrough and queues into events. Main thread. */
export class ProxyEvents {
  private readonly listeners = new Set<(event: ProxyEvent) => void>();
  private readonly ids: TimeOrderedIds;
  /** By type and camera. */
  private readonly known = new Map<string, Condition>();
  private readonly unsubscribes: (() => void)[] = [];
  private cancelTimer: (() => void) | undefined;
  private rounds = 0;
  private isQueryingProxy = false;

  constructor(private readonly options: ProxyEventsOptions) {
    this.ids = new TimeOrderedIds(() => options.clock.nowMs());
  }

  /** Call this after the stored cameras were added, so that they cause no events. */
  start(): void {
    const { cameras } = this.options;
    this.unsubscribes.push(
      cameras.onStateChange((camera) => {
        this.update(cameraCondition(camera));
      }),
      cameras.onEvent((event, camera) => {
        if (event === 'added') this.emit({ ...aboutCamera(camera), state: 'added' });
        if (event !== 'removed') return;
        this.emit({ ...aboutCamera(camera), state: 'removed' });
        this.forget(camera.definition.name);
      }),
    );
    this.scheduleRound();
  }

  /** Calls `listener` on the main thread for each event. The returned function removes it. */
  on(listener: (event: ProxyEvent) => void): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  close(): void {
    for (const unsubscribe of this.unsubscribes) unsubscribe();
    this.cancelTimer?.();
    this.listeners.clear();
  }

  /** Compares a condition with the last one, and emits an event if it has changed. Undefined: the condition is not known. */
  update(condition: Condition | undefined): void {
    if (condition === undefined) return;
    const key = `${condition.type} ${condition.camera}`;
    const before = this.known.get(key);
    this.known.set(key, condition);
    if (before === undefined ? condition.isUsual : isSame(before, condition)) return;
    this.emit(condition);
  }

  private scheduleRound(): void {
    this.cancelTimer = this.options.clock.after(CAMERA_INTERVAL_MS, () => {
      this.round();
      this.scheduleRound();
    });
  }

  private round(): void {
    const { cameras, cameraConditions } = this.options;
    for (const camera of cameras.list()) {
      for (const condition of cameraConditions) this.update(condition(camera.definition.name));
    }
    this.rounds += 1;
    if (this.rounds % PROXY_ROUNDS === 0 && !this.isQueryingProxy) void this.queryProxy();
  }

  private async queryProxy(): Promise<void> {
    this.isQueryingProxy = true;
    for (const condition of this.options.proxyConditions) {
      try {
        this.update(await condition());
      } catch (error) {
        this.options.logger.debug(`A condition is not known: ${messageOf(error)}`);
      }
    }
    this.isQueryingProxy = false;
  }

  private emit({ type, camera, state, reason, message }: Omit<ProxyEvent, 'id' | 'atMs'>): void {
    const atMs = this.options.clock.nowMs();
    const event: ProxyEvent = { id: this.ids.next(), atMs, type, camera, state, reason, message };
    for (const listener of this.listeners) {
      try {
        listener(event);
      } catch (error) {
        this.options.logger.error({ err: error }, 'A listener of the events threw an error.');
      }
    }
  }

  private forget(camera: string): void {
    for (const [key, condition] of this.known) {
      if (condition.camera === camera) this.known.delete(key);
    }
  }
}

function aboutCamera(camera: Camera): Omit<ProxyEvent, 'id' | 'atMs' | 'state'> {
  return { type: 'camera', camera: camera.definition.name, reason: '', message: '' };
}

function isSame(one: Condition, other: Condition): boolean {
  return one.state === other.state && one.reason === other.reason;
}
