import type { CameraPhase } from '../types.js';

/** The state of a camera's container in the original proxy. Existing clients compare with these words. */
export type ContainerStatus = 'created' | 'running' | 'restarting' | 'paused' | 'exited' | 'dead';

export const STATUS_OF_PHASE: Readonly<Record<CameraPhase, ContainerStatus>> = {
  created: 'created',
  connecting: 'restarting',
  running: 'running',
  reconnecting: 'restarting',
  failed: 'dead',
  stopped: 'exited',
};
