import type { CameraDefinition, OutputFormat, PacketBuffer } from '../cameras/types.js';

/** What a query needs to know of a camera; of one that is gone, the ring is undefined. */
export interface HistoryCamera {
  readonly definition: Pick<CameraDefinition, 'name' | 'maxPixels'>;
  readonly packets: Pick<PacketBuffer, 'ring' | 'streams'>;
}

/** Which frames of a camera's past, on disk and in memory. Times are arrivals of packets, microseconds since the epoch, inclusive. */
export interface HistoryQuery {
  readonly camera: HistoryCamera;
  readonly fromUs: number;
  readonly toUs: number;
  /** Only the frame nearest to this moment, whatever the range. */
  readonly nearestUs?: number;
  readonly formatOf: (stream: { readonly width: number; readonly height: number }) => OutputFormat;
  readonly keyframesOnly: boolean;
  /** A frame about every so many milliseconds; 0 = every frame. */
  readonly intervalMs: number;
  readonly withholdCorrupt: boolean;
}

/** Which part of a camera's past as one mp4 file. Times as in HistoryQuery, of the frames that a player shows. */
export interface ClipQuery {
  readonly camera: string;
  /** Undefined: the camera is gone, and what it recorded is not. */
  readonly packets: PacketBuffer | undefined;
  readonly fromUs: number;
  readonly toUs: number;
}
