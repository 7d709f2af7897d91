import type { CaptureOptions, LearnedFacts, ReplayOptions } from '../../native/types.js';
import type { OpenOptions } from './capture-thread.js';
import { FRAME_SLOTS, MAX_FRAME_MESSAGE_BYTES } from './rings.js';
import type { CameraSource } from '../source/source-url.js';
import { TEARDOWN_MS } from './teardown.js';
import type { CameraDefinition } from '../types.js';

/** What a capture needs in addition to the definition of its camera. */
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

export function captureOptions(source: CameraSource, settings: CaptureSettings, context: CaptureContext): OpenOptions {
  const { learned, maxPixels, logLevel, replay } = context;
  return {
    url: urlOf(source),
    kind: source.kind,
    transport: settings.transport,
    tlsVerify: settings.tlsVerify,
    learned,
    maxPixels: settings.maxPixels ?? maxPixels,
    teardownMs: TEARDOWN_MS,
    openTimeoutMs: settings.openTimeoutMs,
    stallTimeoutMs: settings.stallTimeoutMs,
    decoderThreads: settings.decoderThreads,
    deviceId: settings.name,
    frameSlots: FRAME_SLOTS,
    maxMessageBytes: MAX_FRAME_MESSAGE_BYTES,
    logLevel,
    ...(replay === undefined ? {} : { replay }),
  };
}

/** See CaptureOptions.url. */
function urlOf(source: CameraSource): string {
  switch (source.kind) {
    case 'rtsp':
      return source.url;
    case 'file':
      return source.path;
    case 'replay':
      return source.masked;
  }
}
