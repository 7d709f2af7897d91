import { isIP } from 'node:net';

import type { Clock } from '../../base/clock.js';
import type { Closings } from '../capture/closings.js';
import { ReachabilityProbe, RTSP_GREETING } from './reachability-probe.js';
import type { CameraSource } from '../source/source-url.js';
import type { CameraReason } from '../types.js';

/** After these reasons the camera is away: its first answer to a probe means that it is back. */
const AWAY: readonly CameraReason[] = ['refused', 'unreachable'];
/** After these reasons the camera may be away. A probe without an answer shows that it is. */
const MAYBE_AWAY: readonly CameraReason[] = ['connection_lost', 'stalled', 'open_timeout', 'io_error'];
/** After these reasons the camera may be frozen while its kernel accepts connections: only an RTSP answer counts. */
const MAYBE_FROZEN: readonly CameraReason[] = ['stalled', 'open_timeout'];

/**
 * Notices that a camera which was away is back, so that it is connected before its back-off ends. After all other reasons the
 * camera is present and refused something, and an early attempt would only defeat the back-off.
 */
export class ReturnWatch {
  private readonly probe: ReachabilityProbe;

  constructor(
    private readonly closings: Closings,
    clock: Clock,
  ) {
    this.probe = new ReachabilityProbe(clock);
  }

  /**
   * Calls `onBack` once, when the camera is back. `addresses`: the addresses of the host name. `byProbe`: the attempt that
   * failed began because a probe was answered.
   */
  start(
    { reason, byProbe }: { readonly reason: CameraReason; readonly byProbe: boolean },
    source: CameraSource,
    addresses: readonly string[],
    onBack: () => void,
  ): void {
    // If the camera answered the last probe and the attempt failed all the same, only the back-off helps.
    const isAway = AWAY.includes(reason);
    if (source.kind !== 'rtsp' || (isAway ? byProbe : !MAYBE_AWAY.includes(reason))) return;
    const { host, port, url } = source;
    // An rtsps server does not understand a greeting in plain text.
    const greet = MAYBE_FROZEN.includes(reason) && url.startsWith('rtsp:');
    const target = {
      addresses: isIP(host) === 0 ? addresses : [host],
      port,
      isBusy: () => this.closings.isClosing(source),
      ...(greet ? { greeting: RTSP_GREETING } : {}),
    };
    this.probe.start(target, isAway, onBack);
  }

  stop(): void {
    this.probe.stop();
  }
}
