import type { StreamInfo } from '../../native/types.js';
import type { StreamPeriod } from '../types.js';

/** Packets of a few earlier connections may still be in memory. */
const MAX_PERIODS = 64;

/** What a camera's packets in memory are: the newest periods, and the newest connections. */
export class StreamPeriods {
  private readonly infos = new Map<number, StreamInfo>();
  private readonly all: StreamPeriod[] = [];

  /** Undefined until the stream was open once. */
  get newest(): StreamInfo | undefined {
    return this.all.at(-1)?.stream;
  }

  /** The last period of each connection. */
  get byConnection(): ReadonlyMap<number, StreamInfo> {
    return this.infos;
  }

  /** Oldest first. */
  get periods(): readonly StreamPeriod[] {
    return this.all;
  }

  /** A period begins with the packet `fromSequence`. */
  add(stream: StreamInfo, fromSequence: number): void {
    this.infos.set(stream.connection, stream);
    for (const connection of this.infos.keys()) {
      if (this.infos.size <= MAX_PERIODS) break;
      this.infos.delete(connection);
    }
    this.all.push({ fromSequence, stream });
    if (this.all.length > MAX_PERIODS) this.all.shift();
  }
}
