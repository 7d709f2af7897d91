/** The audio stream of a camera. */
export interface AudioInfo {
  readonly codecName: string;
  readonly extradata: Uint8Array;
  /** Hertz. */
  readonly sampleRate: number;
  readonly channels: number;
}

export interface StreamInfo {
  /** PACKET_ENTRY.connection of its packets. */
  readonly connection: number;
  readonly codecName: string;
  readonly codecLongName: string;
  readonly profile: string;
  /** Pixels. 0 = not known yet (no parameter sets). */
  readonly width: number;
  readonly height: number;
  /** libav's name, '' = not known yet. */
  readonly pixelFormat: string;
  readonly extradata: Uint8Array;
  readonly timeBaseNum: number;
  readonly timeBaseDen: number;
  /** Frames per second that the stream declares, 0 = not declared. CONTROL.fpsMilli has the measured rate. */
  readonly declaredFps: number;
  /** The stream in CaptureOptions.audioRing. */
  readonly audio?: AudioInfo;
}
