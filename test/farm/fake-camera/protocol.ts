/** The messages between a test and the process of its fake cameras. */
import type { CameraCounts, CameraOptions } from './options.js';

export type Command =
  | { readonly do: 'counts' }
  /** Connections stay open and nothing is sent or answered, until 'thaw'. */
  | { readonly do: 'freeze' | 'thaw' }
  /** Closes every connection, with FIN or with RST; sessions go on as if the client had gone. */
  | { readonly do: 'disconnect'; readonly reset: boolean }
  /** Ends every session and its connection, as a camera that restarts. */
  | { readonly do: 'end-sessions' }
  /** The next `packets` video packets are lost. */
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
