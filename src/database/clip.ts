/** A named part of a camera's recording, whose segments retention keeps. */
export interface Clip {
  readonly id: number;
  readonly camera: string;
  readonly name: string;
  /** Milliseconds since the epoch, inclusive. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly createdMs: number;
}
