import { isIP } from 'node:net';

import type { Closings } from '../capture/closings.js';
import { ReachabilityProbe, RTSP_GREETING } from './reachability-probe.js';
import type { SourceUrl } from '../source/source-url.js';
import type { CameraReason } from '../types.js';

/** After these reasons nothing listened on the port: the first answer to a knock means that the camera is back. */
const AWAY: readonly CameraReason[] = ['refused', 'unreachable'];
/** After these reasons the camera may be away. A knock without an answer shows that it is, and the watch for its return begins. */
const MAYBE_AWAY: readonly CameraReason[] = ['connection_lost', 'stalled', 'open_timeout', 'io_error'];
/** After these reasons the camera may be frozen while its kernel accepts connections: only an RTSP answer counts. */
const MAYBE_FROZEN: readonly CameraReason[] = ['stalled', 'open_timeout'];

/**
 * Notices that a camera which was away is back, so that it is connected before the end of its back-off. After all other
 * reasons the camera was there and refused something, and knocking would only defeat the back-off.
 */
export class ReturnWatch {
  private readonly probe = new ReachabilityProbe();

  constructor(private readonly closings: Closings) {}

  /**
   * `addresses`: what the host's name resolved to. `byKnock`: the attempt that failed was begun because of a knock. Calls
   * `onBack` once.
   */
  start(
    { reason, byKnock: byProbe }: { readonly reason: CameraReason; readonly byKnock: boolean },
    { host = '', port, url }: SourceUrl,
    addresses: readonly string[],
    onBack: () => void,
  ): void {
    // The last knock was answered, but the attempt failed: knocking does not help with this camera, only the back-off does.
    const isAway = AWAY.includes(reason);
    if (port === undefined || (isAway ? byProbe : !MAYBE_AWAY.includes(reason))) return;
    // A server of rtsps does not understand a greeting in plain text.
    const greet = MAYBE_FROZEN.includes(reason) && url.startsWith('rtsp:');
    const target = {
      addresses: isIP(host) === 0 ? addresses : [host],
      port,
      isBusy: () => this.closings.isClosing({ host, port }),
      ...(greet ? { greeting: RTSP_GREETING } : {}),
    };
    this.probe.start(target, isAway, onBack);
  }

  stop(): void {
    this.probe.stop();
  }
}
