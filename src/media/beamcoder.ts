import { createRequire } from 'node:module';

/** A picture in libav's form: one buffer and one line size in bytes for each plane. */
export interface BeamFrame {
  readonly width: number;
  readonly height: number;
  readonly linesize: readonly number[];
  readonly data: readonly Buffer[];
  /** Allocates the planes. Only new frames have this method. */
  alloc(): BeamFrame;
}

export interface BeamPacket {
  /** Longer than `size`, because libav adds padding. */
  readonly data: Buffer;
  readonly size: number;
}

export interface BeamFilterer {
  filter(frames: readonly BeamFrame[]): Promise<readonly { readonly frames: readonly BeamFrame[] }[]>;
}

export interface BeamEncoder {
  encode(frame: BeamFrame): Promise<{ readonly packets: readonly BeamPacket[] }>;
}

/** The part of beamcoder that is used here. The work runs on libuv's thread pool. */
export interface Beamcoder {
  frame(options: {
    readonly width: number;
    readonly height: number;
    readonly format: string;
    readonly linesize: readonly number[];
    readonly pts: number;
  }): BeamFrame;
  filterer(options: {
    readonly filterType: 'video';
    readonly inputParams: readonly {
      readonly width: number;
      readonly height: number;
      readonly pixelFormat: string;
      readonly timeBase: readonly [number, number];
      readonly pixelAspect: readonly [number, number];
    }[];
    readonly outputParams: readonly { readonly pixelFormat: string }[];
    readonly filterSpec: string;
  }): Promise<BeamFilterer>;
  encoder(options: Readonly<Record<string, unknown>> & { readonly name: string }): BeamEncoder;
}

let loaded: Beamcoder | undefined;

/**
 * Returns the addon of beamcoder; the first call loads it. The addon's file is loaded directly: `require('beamcoder')` also
 * loads segfault-handler, which fails in every thread but the first ("Module did not self-register"), and prints a banner to
 * standard output.
 */
export function beamcoder(): Beamcoder {
  loaded ??= createRequire(import.meta.url)('beamcoder/build/Release/beamcoder.node') as Beamcoder;
  return loaded;
}
