import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/log.js';
import type { CaptureOptions, LearnedFacts, NativeAddon, ReplayOptions } from '../native/types.js';
import type { CaptureThread, WakeAddon } from './capture/capture-thread.js';
import type { Closings } from './capture/closings.js';
import type { ReplayRange } from './source/replay-url.js';
import type { PacketRingSize } from './capture/rings.js';
import type { Camera } from './types.js';

/** What all cameras share. */
export interface CameraEnvironment {
  readonly addon: Pick<NativeAddon, 'initPacketRing' | 'copyFromSlot'> & WakeAddon;
  readonly workerUrl: URL;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logLevel: CaptureOptions['logLevel'];
  readonly packetRingSize: PacketRingSize;
  /** Pixels; of cameras that have no limit of their own. */
  readonly maxPixels: number;
  /** Connections that are being closed, of these cameras and of probes. */
  readonly closings: Closings;
  /** What earlier connections of that camera taught. */
  readonly learnedOf: (cameraName: string) => LearnedFacts | undefined;
  /** Stores what its connections taught; undefined: forget it. Does not throw. */
  readonly onLearned: (camera: Camera, learned: LearnedFacts | undefined) => void;
  /** The first number of a block that no packet of that camera had before, nor will have after a restart. */
  readonly firstPacketOf: (cameraName: string) => number;
  /** What is recorded of that range by now. */
  readonly replayOf: (range: ReplayRange) => Promise<ReplayOptions>;
  readonly onStateChange: (camera: Camera) => void;
  readonly onStreamChange: (camera: Camera) => void;
  readonly onPlainFrames: (camera: Camera) => void;
  /** The thread did not end in time, and may never. */
  readonly onGivenUp: (thread: CaptureThread) => void;
}
