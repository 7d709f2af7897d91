import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/log.js';
import type { CaptureOptions, LearnedFacts, NativeAddon, ReplayOptions } from '../native/types.js';
import type { CaptureThread, WakeAddon } from './capture/capture-thread.js';
import type { Closings } from './capture/closings.js';
import type { ReplayRange } from './source/replay-url.js';
import type { PacketRingSize } from './capture/rings.js';
import type { Camera } from './types.js';

/** The services and settings that all cameras share. */
export interface CameraEnvironment {
  readonly addon: Pick<NativeAddon, 'initPacketRing' | 'copyFromSlot'> & WakeAddon;
  readonly workerUrl: URL;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logLevel: CaptureOptions['logLevel'];
  readonly packetRingSize: PacketRingSize;
  /** Maximum width times height of a picture, for cameras that have no limit of their own. */
  readonly maxPixels: number;
  /** The connections of cameras and probes that are being closed. */
  readonly closings: Closings;
  /** The stored learned facts of a camera. */
  readonly learnedOf: (cameraName: string) => LearnedFacts | undefined;
  /** Stores the learned facts of a camera; undefined: deletes them. Does not throw. */
  readonly onLearned: (camera: Camera, learned: LearnedFacts | undefined) => void;
  /** The first sequence for the packets of a camera. Neither it nor a later one was used before, or is used after a restart. */
  readonly firstPacketOf: (cameraName: string) => number;
  /** The segments of a range that exist now. */
  readonly replayOf: (range: ReplayRange) => Promise<ReplayOptions>;
  readonly onStateChange: (camera: Camera) => void;
  readonly onStreamChange: (camera: Camera) => void;
  readonly onPlainFrames: (camera: Camera) => void;
  /** The thread did not end in time, and may never end. */
  readonly onGivenUp: (thread: CaptureThread) => void;
}
