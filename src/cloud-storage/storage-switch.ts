import { systemClock, type Clock } from '../base/clock.js';
import { ChrysError, messageOf } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import type { Supervisor } from '../cameras/supervisor.js';
import type { Camera } from '../cameras/types.js';
import { retryDelayMs } from '../cloud/retry-delay.js';
import type { EdgeKeys } from '../cloud/signature.js';
import { streamKeyOf, switchStorage } from './storage-call.js';
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
/** Spreads the requests of all cameras when the proxy starts or gets keys. */
const SPREAD_MS = 500;
const RETRIED =
  'The setting is stored, and the request is repeated until the cloud accepts it; see chrysproxy.storage of the camera.';

/** The storage switch of one camera. It has at most one request at a time. */
interface CameraSwitch {
  camera: Camera;
  failures: number;
  message: string;
  nextAttemptMs: number | undefined;
  cancelRetry: (() => void) | undefined;
  /** A retry is useless until the camera or the keys change. */
  isBlocked: boolean;
  /** The current request; never rejects. */
  request: Promise<Outcome> | undefined;
}

/** Undefined: the cloud has accepted the request. */
type Outcome = ChrysError | undefined;

/**
 * Asks the cloud to store the streams of cameras, or not to. Stores the setting and the last answer of the cloud separately,
 * and repeats the request until they are equal. Main thread.
 */
export class StorageSwitch implements Storage {
  private readonly byName = new Map<string, CameraSwitch>();
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

  async set(name: string, enable: boolean): Promise<Camera> {
    const { cameras } = this.options;
    const { definition } = cameras.get(name);
    if (definition.rtmpEndpoint === undefined) {
      throw new ChrysError(
        'failed_precondition',
        `camera "${name}" has no rtmp_endpoint, which identifies its stream in the cloud: set it with PATCH ` +
          `/api/v1/process/${name} {"rtmp_endpoint": "rtmp://…"}`,
      );
    }
    streamKeyOf(definition.rtmpEndpoint);
    const camera = cameras.update(name, { storage: enable });
    const entry = this.entryOf(camera);
    // A request that began before this call may have another value.
    await entry.request;
    if (camera.definition.storage !== enable) {
      throw new ChrysError('unavailable', `Another caller has switched storage ${enable ? 'off' : 'on'} meanwhile.`);
    }
    const outcome = await this.request(entry);
    if (outcome === undefined) return camera;
    throw new ChrysError(outcome.kind, `${outcome.message}. ${RETRIED}`, { cause: outcome });
  }

  status(name: string): StorageStatus {
    const entry = this.byName.get(name);
    const { storage, storing } = entry?.camera.definition ?? {};
    return {
      wanted: storage,
      storing: storing?.on ?? false,
      storingSinceMs: storing?.sinceMs ?? 0,
      message: entry?.message ?? '',
      nextAttemptMs: entry?.nextAttemptMs,
    };
  }

  /** With new keys, failed requests are repeated at once. */
  useKeys(keys: EdgeKeys): void {
    const isSame = keys.edgeKey === this.keys.edgeKey && keys.edgeSecret === this.keys.edgeSecret;
    this.keys = keys;
    if (isSame) return;
    for (const entry of this.byName.values()) {
      entry.failures = 0;
      entry.isBlocked = false;
      this.requestSoon(entry);
    }
  }

  stop(): void {
    this.stopListening();
    this.stopping.abort();
    for (const { cancelRetry } of this.byName.values()) cancelRetry?.();
  }

  private follow(camera: Camera): void {
    const entry = this.entryOf(camera);
    entry.isBlocked = false;
    if (!isPending(camera)) this.settled(entry);
    else if (entry.cancelRetry === undefined && entry.request === undefined) this.requestSoon(entry);
  }

  private leave(camera: Camera): void {
    const entry = this.byName.get(camera.definition.name);
    if (entry?.camera !== camera) return;
    entry.cancelRetry?.();
    this.byName.delete(camera.definition.name);
  }

  private entryOf(camera: Camera): CameraSwitch {
    const { name } = camera.definition;
    let entry = this.byName.get(name);
    if (entry?.camera !== camera) {
      entry?.cancelRetry?.();
      entry = {
        camera,
        failures: 0,
        message: '',
        nextAttemptMs: undefined,
        cancelRetry: undefined,
        isBlocked: false,
        request: undefined,
      };
      this.byName.set(name, entry);
    }
    return entry;
  }

  private requestSoon(entry: CameraSwitch): void {
    if (!isPending(entry.camera) || entry.isBlocked) return;
    this.requestAfter(entry, Math.round(SPREAD_MS * (this.options.random ?? Math.random)()));
  }

  private requestAfter(entry: CameraSwitch, delayMs: number): void {
    const { clock } = this.options;
    entry.cancelRetry?.();
    entry.nextAttemptMs = clock.nowMs() + delayMs;
    entry.cancelRetry = clock.after(delayMs, () => {
      void this.request(entry);
    });
  }

  /** Starts a request, or joins the current one. */
  private request(entry: CameraSwitch): Promise<Outcome> {
    entry.cancelRetry?.();
    entry.cancelRetry = undefined;
    entry.nextAttemptMs = undefined;
    entry.request ??= this.requestOnce(entry).finally(() => {
      entry.request = undefined;
      // The setting or the endpoint may have changed meanwhile.
      if (!this.isGone(entry) && entry.cancelRetry === undefined) this.requestSoon(entry);
    });
    return entry.request;
  }

  private async requestOnce(entry: CameraSwitch): Promise<Outcome> {
    const { apiEndpoint, cameras, clock, timeoutMs = TIMEOUT_MS } = this.options;
    const { name, rtmpEndpoint, storage } = entry.camera.definition;
    if (rtmpEndpoint === undefined || storage === undefined) return undefined;
    const { keys } = this;
    try {
      checkKeys(keys);
      const signal = this.stopping.signal;
      // The system clock, because the cloud compares the time with its own. The clock of the arrivals may run ahead.
      const nowMs = systemClock.nowMs();
      await switchStorage({ apiEndpoint, rtmpEndpoint, enable: storage, keys, nowMs, timeoutMs, signal });
      if (this.isGone(entry)) return undefined;
      entry.failures = 0;
      entry.message = '';
      // The answer is not stored when the endpoint was changed meanwhile.
      if (entry.camera.definition.rtmpEndpoint === rtmpEndpoint) {
        cameras.update(name, { storing: { on: storage, sinceMs: clock.nowMs() } });
      }
      this.options.logger.info({ camera: name }, `The cloud ${storage ? 'stores' : 'does not store'} the stream.`);
      return undefined;
    } catch (error) {
      const outcome =
        error instanceof ChrysError ? error : new ChrysError('internal', messageOf(error), { cause: error });
      if (!this.isGone(entry)) this.failed(entry, outcome, keys === this.keys);
      return outcome;
    }
  }

  private failed(entry: CameraSwitch, outcome: ChrysError, keysAreTheSame: boolean): void {
    const { logger, random = Math.random } = this.options;
    entry.failures += 1;
    if (entry.message !== outcome.message) {
      logger.warn(
        { camera: entry.camera.definition.name },
        `Storage was not switched in the cloud: ${outcome.message}`,
      );
    }
    entry.message = outcome.message;
    // useKeys() has started a new request.
    if (!keysAreTheSame) return;
    entry.isBlocked = outcome.kind === 'failed_precondition';
    if (isPending(entry.camera) && !entry.isBlocked) this.requestAfter(entry, retryDelayMs(entry.failures, random));
  }

  private settled(entry: CameraSwitch): void {
    entry.cancelRetry?.();
    entry.cancelRetry = undefined;
    entry.nextAttemptMs = undefined;
    entry.message = '';
    entry.failures = 0;
  }

  private isGone(entry: CameraSwitch): boolean {
    return this.stopping.signal.aborted || this.byName.get(entry.camera.definition.name) !== entry;
  }
}

/** Whether the setting differs from the last answer of the cloud. */
function isPending({ definition }: Camera): boolean {
  const { rtmpEndpoint, storage, storing } = definition;
  return rtmpEndpoint !== undefined && storage !== undefined && storage !== storing?.on;
}

function checkKeys({ edgeKey, edgeSecret }: EdgeKeys): void {
  if (edgeKey !== '' && edgeSecret !== '') return;
  throw new ChrysError(
    'failed_precondition',
    `there is no edge ${edgeKey === '' ? 'key' : 'secret'}, which signs requests to the cloud: set it with "chrysproxy cloud ` +
      'set-key" or POST /api/v1/settings',
  );
}
