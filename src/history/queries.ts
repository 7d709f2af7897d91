import type { CameraDefinition, OutputFormat, PacketBuffer } from '../cameras/types.js';

/** The camera of a query. The ring of a removed camera is undefined. */
export interface HistoryCamera {
  readonly definition: Pick<CameraDefinition, 'name' | 'maxPixels'>;
  readonly packets: Pick<PacketBuffer, 'ring' | 'streams'>;
}

/** A query for frames on disk and in memory. Times are packet arrivals, microseconds since the epoch, inclusive. */
export interface HistoryQuery {
  readonly camera: HistoryCamera;
  readonly fromUs: number;
  readonly toUs: number;
  /** Only the frame nearest to this time; the range is ignored. */
  readonly nearestUs?: number;
  readonly formatOf: (stream: { readonly width: number; readonly height: number }) => OutputFormat;
  readonly keyframesOnly: boolean;
  /** One frame about every `intervalMs` milliseconds; 0 = every frame. */
  readonly intervalMs: number;
  readonly withholdCorrupt: boolean;
}

/** A query for a time range as one mp4 file. Times as in HistoryQuery. A player shows exactly the frames of the range. */
export interface ClipQuery {
  readonly camera: string;
  /** Undefined: the camera was removed, and only its recordings exist. */
  readonly packets: PacketBuffer | undefined;
  readonly fromUs: number;
  readonly toUs: number;
}
