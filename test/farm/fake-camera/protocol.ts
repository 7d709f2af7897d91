/** The messages between a test and the process of its fake cameras. */
import type { CameraCounts, CameraOptions } from './options.js';

export type Command =
  | { readonly do: 'counts' }
  /** Until 'thaw', connections stay open, and nothing is sent or answered. */
  | { readonly do: 'freeze' | 'thaw' }
  /** Closes all connections, with FIN or RST. Sessions continue, as if the clients had disappeared. */
  | { readonly do: 'disconnect'; readonly reset: boolean }
  /** Ends all sessions and connections, as a camera that restarts does. */
  | { readonly do: 'end-sessions' }
  /** Loses the next `packets` video packets. */
  | { readonly do: 'drop'; readonly packets: number }
  /** New connections use these options. Open connections keep their own. */
  | { readonly do: 'change'; readonly options: CameraOptions };

export interface Request {
  readonly id: number;
  readonly camera: string;
  readonly command: Command;
}

export type Reply =
  | { readonly ready: Readonly<Record<string, number>> }
  | { readonly id: number; readonly counts: CameraCounts }
  | { readonly id: number; readonly error: string };
