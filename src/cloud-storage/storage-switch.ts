import { systemClock, type Clock } from '../base/clock.js';
import { ChrysError, messageOf } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import type { Supervisor } from '../cameras/supervisor.js';
import type { Camera } from '../cameras/types.js';
import { retryDelayMs } from '../cloud/retry-delay.js';
import type { EdgeKeys } from '../cloud/signature.js';
import { streamKeyOf, tellStorage } from './storage-call.js';
import type { Storage, StorageStatus } from './types.js';

export interface StorageOptions {
  readonly cameras: Pick<Supervisor, 'list' | 'get' | 'update' | 'onEvent'>;
  /** api.endpoint. */
  readonly apiEndpoint: string;
  readonly keys: EdgeKeys;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random?: () => number;
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 10_000;
/** The cameras of a proxy that starts, or that got a key, are not told of in one moment. */
const SPREAD_MS = 500;
const AGAIN =
  'The wish is kept, and the cloud is told again until it agrees; chrysproxy.storage of the camera tells how that goes.';

/** One camera's: at most one request is on its way. */
interface Told {
  camera: Camera;
  failures: number;
  message: string;
  nextAttemptMs: number | undefined;
  cancelRetry: (() => void) | undefined;
  /** Trying again is of no use before something here has changed. */
  isBlocked: boolean;
  /** The request on its way; never rejects. */
  asking: Promise<Outcome> | undefined;
}

/** Undefined: the cloud has agreed. */
type Outcome = ChrysError | undefined;

/** The storage switch of all cameras: keeps wishes apart from what the cloud said, and tells it until they agree. Main thread. */
export class StorageSwitch implements Storage {
  private readonly byName = new Map<string, Told>();
  private readonly stopping = new AbortController();
  private readonly stopListening: () => void;
  private keys: EdgeKeys;

  constructor(private readonly options: StorageOptions) {
    const { cameras } = options;
    this.keys = options.keys;
    this.stopListening = cameras.onEvent((event, camera) => {
      if (event === 'removed') this.leave(camera);
      else if (event !== 'stream') this.follow(camera);
    });
    for (const camera of cameras.list()) this.follow(camera);
  }

  async set(name: string, wanted: boolean): Promise<Camera> {
    const { cameras } = this.options;
    const { definition } = cameras.get(name);
    if (definition.rtmpEndpoint === undefined) {
      throw new ChrysError(
        'failed_precondition',
        `camera "${name}" has no rtmp_endpoint, by which the cloud knows its stream: set it with PATCH ` +
          `/api/v1/process/${name} {"rtmp_endpoint": "rtmp://…"}`,
      );
    }
    streamKeyOf(definition.rtmpEndpoint);
    const camera = cameras.update(name, { storage: wanted });
    const told = this.toldOf(camera);
    // One that was asked for before this is not the answer to this.
    await told.asking;
    if (camera.definition.storage !== wanted) {
      throw new ChrysError('unavailable', `another caller asked for storage ${wanted ? 'off' : 'on'} meanwhile`);
    }
    const outcome = await this.ask(told);
    if (outcome === undefined) return camera;
    throw new ChrysError(outcome.kind, `${outcome.message}. ${AGAIN}`, { cause: outcome });
  }

  status(name: string): StorageStatus {
    const told = this.byName.get(name);
    const { storage, storing } = told?.camera.definition ?? {};
    return {
      wanted: storage,
      storing: storing?.on ?? false,
      storingSinceMs: storing?.sinceMs ?? 0,
      message: told?.message ?? '',
      nextAttemptMs: told?.nextAttemptMs,
    };
  }

  /** What the cloud refused, or could not be asked, is tried at once. */
  useKeys(keys: EdgeKeys): void {
    const isSame = keys.edgeKey === this.keys.edgeKey && keys.edgeSecret === this.keys.edgeSecret;
    this.keys = keys;
    if (isSame) return;
    for (const told of this.byName.values()) {
      told.failures = 0;
      told.isBlocked = false;
      this.askSoon(told);
    }
  }

  stop(): void {
    this.stopListening();
    this.stopping.abort();
    for (const { cancelRetry } of this.byName.values()) cancelRetry?.();
  }

  private follow(camera: Camera): void {
    const told = this.toldOf(camera);
    told.isBlocked = false;
    if (!isOpen(camera)) this.settled(told);
    else if (told.cancelRetry === undefined && told.asking === undefined) this.askSoon(told);
  }

  private leave(camera: Camera): void {
    const told = this.byName.get(camera.definition.name);
    if (told?.camera !== camera) return;
    told.cancelRetry?.();
    this.byName.delete(camera.definition.name);
  }

  private toldOf(camera: Camera): Told {
    const { name } = camera.definition;
    let told = this.byName.get(name);
    if (told?.camera !== camera) {
      told?.cancelRetry?.();
      told = {
        camera,
        failures: 0,
        message: '',
        nextAttemptMs: undefined,
        cancelRetry: undefined,
        isBlocked: false,
        asking: undefined,
      };
      this.byName.set(name, told);
    }
    return told;
  }

  private askSoon(told: Told): void {
    if (!isOpen(told.camera) || told.isBlocked) return;
    this.askAfter(told, SPREAD_MS * (this.options.random ?? Math.random)());
  }

  private askAfter(told: Told, delayMs: number): void {
    const { clock } = this.options;
    told.cancelRetry?.();
    told.nextAttemptMs = clock.nowMs() + delayMs;
    told.cancelRetry = clock.after(delayMs, () => {
      void this.ask(told);
    });
  }

  /** Joins the request that is on its way. */
  private ask(told: Told): Promise<Outcome> {
    told.cancelRetry?.();
    told.cancelRetry = undefined;
    told.nextAttemptMs = undefined;
    told.asking ??= this.askOnce(told).finally(() => {
      told.asking = undefined;
      // The wish or the endpoint may have changed meanwhile.
      if (!this.isGone(told) && told.cancelRetry === undefined) this.askSoon(told);
    });
    return told.asking;
  }

  private async askOnce(told: Told): Promise<Outcome> {
    const { apiEndpoint, cameras, clock, timeoutMs = TIMEOUT_MS } = this.options;
    const { name, rtmpEndpoint, storage } = told.camera.definition;
    if (rtmpEndpoint === undefined || storage === undefined) return undefined;
    const { keys } = this;
    try {
      checkKeys(keys);
      const signal = this.stopping.signal;
      // That of the system and not that of the packets, which may run ahead: the cloud holds it against its own.
      const nowMs = systemClock.nowMs();
      await tellStorage({ apiEndpoint, rtmpEndpoint, enable: storage, keys, nowMs, timeoutMs, signal });
      if (this.isGone(told)) return undefined;
      told.failures = 0;
      told.message = '';
      // What it says of an endpoint that was changed meanwhile is not kept.
      if (told.camera.definition.rtmpEndpoint === rtmpEndpoint) {
        cameras.update(name, { storing: { on: storage, sinceMs: clock.nowMs() } });
      }
      this.options.logger.info({ camera: name }, `the cloud ${storage ? 'stores' : 'does not store'} its stream`);
      return undefined;
    } catch (error) {
      const outcome =
        error instanceof ChrysError ? error : new ChrysError('internal', messageOf(error), { cause: error });
      if (!this.isGone(told)) this.failed(told, outcome, keys === this.keys);
      return outcome;
    }
  }

  private failed(told: Told, outcome: ChrysError, keysAreTheSame: boolean): void {
    const { logger, random = Math.random } = this.options;
    told.failures += 1;
    if (told.message !== outcome.message) {
      logger.warn({ camera: told.camera.definition.name }, `the cloud was not told to store: ${outcome.message}`);
    }
    told.message = outcome.message;
    // With other keys it is asked again at once.
    if (!keysAreTheSame) return;
    told.isBlocked = outcome.kind === 'failed_precondition';
    if (isOpen(told.camera) && !told.isBlocked) this.askAfter(told, retryDelayMs(told.failures, random));
  }

  private settled(told: Told): void {
    told.cancelRetry?.();
    told.cancelRetry = undefined;
    told.nextAttemptMs = undefined;
    told.message = '';
    told.failures = 0;
  }

  private isGone(told: Told): boolean {
    return this.stopping.signal.aborted || this.byName.get(told.camera.definition.name) !== told;
  }
}

/** The cloud has yet to agree. */
function isOpen({ definition }: Camera): boolean {
  const { rtmpEndpoint, storage, storing } = definition;
  return rtmpEndpoint !== undefined && storage !== undefined && storage !== storing?.on;
}

function checkKeys({ edgeKey, edgeSecret }: EdgeKeys): void {
  if (edgeKey !== '' && edgeSecret !== '') return;
  throw new ChrysError(
    'failed_precondition',
    `there is no edge ${edgeKey === '' ? 'key' : 'secret'}, with which the cloud is told: set it with "chrysproxy cloud ` +
      'set-key" or POST /api/v1/settings',
  );
}
