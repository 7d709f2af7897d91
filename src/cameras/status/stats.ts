import { CONTROL, DEMAND } from '../../gen/ring-layout.js';
import type { Control } from '../../rings/control.js';
import type { CameraStateMachine } from '../state.js';
import type { CameraStats } from '../types.js';

/** The counters that the capture loop writes to the control block, with those of the state machine. */
export function readStats(control: Control, machine: CameraStateMachine, callers: number): CameraStats {
  return {
    packets: control.getI64(CONTROL.packetsI64),
    keyframeCount: control.getI64(CONTROL.keyframeCountI64),
    bytes: control.getI64(CONTROL.bytesI64),
    framesDecoded: control.getI64(CONTROL.framesDecodedI64),
    framesPublished: control.getI64(CONTROL.framesPublishedI64),
    framesCorrupt: control.getI64(CONTROL.framesCorruptI64),
    framesDropped: control.getI64(CONTROL.framesDroppedI64),
    decodeErrors: control.getI64(CONTROL.decodeErrorsI64),
    // An unsigned 32-bit counter.
    packetsDamaged: control.getI32(CONTROL.packetsDamagedI32) >>> 0,
    decodeUs: control.getI64(CONTROL.decodeUsI64),
    convertUs: control.getI64(CONTROL.convertUsI64),
    reconnects: machine.reconnects,
    fps: control.getI32(CONTROL.fpsMilliI32) / 1000,
    gopPackets: control.getI32(CONTROL.gopPacketsI32),
    stallLimitMs: control.getI32(CONTROL.stallLimitMsI32),
    lastPacketMs: control.getI64(CONTROL.lastPacketMsI64),
    lastFrameMs: control.getI64(CONTROL.lastFrameMsI64),
    lastError: machine.lastError,
    decoding: DECODING[control.getI32(CONTROL.decodingModeI32)] ?? 'idle',
    callers,
  };
}

const DECODING: Readonly<Record<number, CameraStats['decoding']>> = {
  [DEMAND.keyframes]: 'keyframes',
  [DEMAND.interval]: 'interval',
  [DEMAND.all]: 'all',
};
