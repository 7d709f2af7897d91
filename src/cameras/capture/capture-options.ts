import type { CaptureOptions, LearnedFacts, ReplayOptions } from '../../native/types.js';
import type { OpenOptions } from './capture-thread.js';
import { FRAME_SLOTS, MAX_FRAME_MESSAGE_BYTES } from './rings.js';
import type { SourceUrl } from '../source/source-url.js';
import { TEARDOWN_MS } from './teardown.js';
import type { CameraDefinition } from '../types.js';

/** What a capture of a camera needs beside its definition. */
export interface CaptureContext {
  readonly learned: LearnedFacts | undefined;
  /** Maximum width times height of a picture, for a camera that has no limit of its own. */
  readonly maxPixels: number;
  readonly logLevel: CaptureOptions['logLevel'];
  readonly replay?: ReplayOptions | undefined;
}

type CaptureSettings = Pick<
  CameraDefinition,
  'name' | 'transport' | 'tlsVerify' | 'maxPixels' | 'openTimeoutMs' | 'stallTimeoutMs' | 'decoderThreads'
>;

export function captureOptions(source: SourceUrl, wishes: CaptureSettings, context: CaptureContext): OpenOptions {
  const { learned, maxPixels, logLevel, replay } = context;
  return {
    url: source.url,
    kind: source.kind,
    transport: wishes.transport,
    tlsVerify: wishes.tlsVerify,
    learned,
    maxPixels: wishes.maxPixels ?? maxPixels,
    teardownMs: TEARDOWN_MS,
    openTimeoutMs: wishes.openTimeoutMs,
    stallTimeoutMs: wishes.stallTimeoutMs,
    decoderThreads: wishes.decoderThreads,
    deviceId: wishes.name,
    frameSlots: FRAME_SLOTS,
    maxMessageBytes: MAX_FRAME_MESSAGE_BYTES,
    logLevel,
    ...(replay === undefined ? {} : { replay }),
  };
}
