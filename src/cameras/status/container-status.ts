import type { CameraPhase } from '../types.js';

/** The original's words for the state of a camera's container, which its clients compare with. */
export type ContainerStatus = 'created' | 'running' | 'restarting' | 'paused' | 'exited' | 'dead';

export const STATUS_OF_PHASE: Readonly<Record<CameraPhase, ContainerStatus>> = {
  created: 'created',
  connecting: 'restarting',
  running: 'running',
  reconnecting: 'restarting',
  failed: 'dead',
  stopped: 'exited',
};
