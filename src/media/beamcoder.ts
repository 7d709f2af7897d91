import { createRequire } from 'node:module';

/** Pictures as libav has them: one buffer and one line size (bytes) per plane. */
export interface BeamFrame {
  readonly width: number;
  readonly height: number;
  readonly linesize: readonly number[];
  readonly data: readonly Buffer[];
  /** Allocates the planes for the size, format and line sizes given; a member of new frames only. */
  alloc(): BeamFrame;
}

export interface BeamPacket {
  /** Longer than `size`: libav pads it. */
  readonly data: Buffer;
  readonly size: number;
}

export interface BeamFilterer {
  filter(frames: readonly BeamFrame[]): Promise<readonly { readonly frames: readonly BeamFrame[] }[]>;
}

export interface BeamEncoder {
  encode(frame: BeamFrame): Promise<{ readonly packets: readonly BeamPacket[] }>;
}

/** What we use of beamcoder. Promises settle on this thread; the work runs on libuv's pool. */
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
 * The addon of beamcoder, loaded at the first call. Its file is loaded and not the package: `require('beamcoder')`
 * also loads segfault-handler, which is not context-aware and fails in every thread but the first ("Module did not
 * self-register"), and it prints a banner to standard output.
 */
export function beamcoder(): Beamcoder {
  loaded ??= createRequire(import.meta.url)('beamcoder/build/Release/beamcoder.node') as Beamcoder;
  return loaded;
}
