import type { Camera, Cameras } from '../../../src/cameras/types.js';
import type { Passthrough, PassthroughStatus } from '../../../src/passthrough/types.js';
import type { Storage, StorageStatus } from '../../../src/cloud-storage/types.js';

export class FakePassthrough implements Passthrough {
  /** What the status of a camera has besides `wanted`. */
  current: Partial<PassthroughStatus> = {};

  constructor(private readonly cameras: Cameras) {}

  set(name: string, wanted: boolean): Camera {
    return this.cameras.update(name, { passthrough: wanted });
  }

  status(name: string): PassthroughStatus {
    const wanted = this.cameras.get(name).definition.passthrough === true;
    return {
      wanted,
      state: wanted ? 'connecting' : 'off',
      sinceMs: 0,
      message: '',
      nextAttemptMs: undefined,
      lastError: '',
      streaming: false,
      packets: 0,
      bytes: 0,
      connects: 0,
      lost: 0,
      lastSentMs: 0,
      ...this.current,
    };
  }
}

export class FakeStorage implements Storage {
  /** The error of the cloud at the next change; undefined: the cloud agrees. */
  failure: Error | undefined;

  constructor(private readonly cameras: Cameras) {}

  set(name: string, wanted: boolean): Promise<Camera> {
    const camera = this.cameras.update(name, { storage: wanted });
    if (this.failure !== undefined) return Promise.reject(this.failure);
    return Promise.resolve(this.cameras.update(camera.definition.name, { storing: { on: wanted, sinceMs: 5 } }));
  }

  status(name: string): StorageStatus {
    const { storage, storing } = this.cameras.get(name).definition;
    return {
      wanted: storage,
      storing: storing?.on ?? false,
      storingSinceMs: storing?.sinceMs ?? 0,
      message: this.failure?.message ?? '',
      nextAttemptMs: undefined,
    };
  }
}
