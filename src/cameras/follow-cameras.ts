import type { Supervisor } from './supervisor.js';
import type { Camera, CameraEvent } from './types.js';

export interface FollowHandlers<State> {
  /** Creates the state of a new camera. `update` is called next. */
  begin(camera: Camera): State;
  /** Handles an event of the camera. Cameras that exist at the start get the event 'added', too. */
  update(state: State, event: Exclude<CameraEvent, 'removed'>): void;
  /** Handles the removal of the camera. */
  end(state: State): void;
}

/**
 * Keeps a state for each camera until the camera is removed. A camera that is added again under the
 * same name is another instance and gets a new state. Main thread.
 */
export class FollowedCameras<State> {
  private readonly byCamera = new Map<Camera, State>();
  private readonly byName = new Map<string, State>();
  private readonly removed = new WeakSet<Camera>();
  private stopListening: (() => void) | undefined;

  constructor(
    private readonly cameras: Pick<Supervisor, 'list' | 'onEvent'>,
    private readonly handlers: FollowHandlers<State>,
  ) {}

  start(): void {
    this.stopListening = this.cameras.onEvent((event, camera) => {
      if (event === 'removed') this.end(camera);
      else this.update(camera, event);
    });
    for (const camera of this.cameras.list()) this.update(camera, 'added');
  }

  get(name: string): State | undefined {
    return this.byName.get(name);
  }

  /** In the order in which the cameras appeared. */
  states(): readonly State[] {
    return [...this.byCamera.values()];
  }

  /** Stops listening. The states stay. */
  close(): void {
    this.stopListening?.();
  }

  private update(camera: Camera, event: Exclude<CameraEvent, 'removed'>): void {
    // A camera that is being removed can still report its last stream.
    if (this.removed.has(camera)) return;
    let state = this.byCamera.get(camera);
    if (state === undefined) {
      state = this.handlers.begin(camera);
      this.byCamera.set(camera, state);
      this.byName.set(camera.definition.name, state);
    }
    this.handlers.update(state, event);
  }

  private end(camera: Camera): void {
    this.removed.add(camera);
    const state = this.byCamera.get(camera);
    if (state === undefined) return;
    this.byCamera.delete(camera);
    const { name } = camera.definition;
    if (this.byName.get(name) === state) this.byName.delete(name);
    this.handlers.end(state);
  }
}
