/** A protected, named part of a camera's recording: its segments are not cleaned away. */
export interface Clip {
  readonly id: number;
  readonly camera: string;
  readonly name: string;
  /** Milliseconds since the epoch, inclusive. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly createdMs: number;
}
