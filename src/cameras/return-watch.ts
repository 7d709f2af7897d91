import { isIP } from 'node:net';

import type { Closings } from './closings.js';
import { Knocker, RTSP_GREETING } from './knock.js';
import type { SourceUrl } from './source-url.js';
import type { CameraReason } from './types.js';

/** After these nothing listened there: the first answer to a knock means that the camera is back. */
const AWAY: readonly CameraReason[] = ['refused', 'unreachable'];
/** After these it may be away: a knock that is not answered tells so, and then its return is waited for. */
const MAYBE_AWAY: readonly CameraReason[] = ['connection_lost', 'stalled', 'open_timeout', 'io_error'];
/** After these it may be frozen, with a kernel that still accepts connections: only an answer of its own counts. */
const MAYBE_FROZEN: readonly CameraReason[] = ['stalled', 'open_timeout'];

/**
 * Notices that a camera which was away is back, so that it need not wait for the end of its back-off. After all other
 * reasons the camera was there and refused something: knocking would only defeat the back-off.
 */
export class ReturnWatch {
  private readonly knocker = new Knocker();

  constructor(private readonly closings: Closings) {}

  /**
   * `addresses`: what the host's name resolved to. `byKnock`: the attempt that failed was begun because of a knock. Calls
   * `onBack` once.
   */
  start(
    { reason, byKnock }: { readonly reason: CameraReason; readonly byKnock: boolean },
    { host = '', port, url }: SourceUrl,
    addresses: readonly string[],
    onBack: () => void,
  ): void {
    // A knock said that it was back, and it was not: knocking is of no use there, only the back-off is.
    const isAway = AWAY.includes(reason);
    if (port === undefined || (isAway ? byKnock : !MAYBE_AWAY.includes(reason))) return;
    // What is asked in plain text means nothing to a server of rtsps.
    const greet = MAYBE_FROZEN.includes(reason) && url.startsWith('rtsp:');
    const target = {
      addresses: isIP(host) === 0 ? addresses : [host],
      port,
      isBusy: () => this.closings.isClosing({ host, port }),
      ...(greet ? { greeting: RTSP_GREETING } : {}),
    };
    this.knocker.start(target, isAway, onBack);
  }

  stop(): void {
    this.knocker.stop();
  }
}
