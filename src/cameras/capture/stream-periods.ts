import type { StreamInfo } from '../../native/types.js';
import type { StreamPeriod } from '../types.js';

/** Maximum number of periods and of connections, because memory may hold packets of earlier ones. The oldest is removed. */
const MAX_PERIODS = 64;

/** The streams of a camera's packets in memory, by period and by connection. */
export class StreamPeriods {
  private readonly infos = new Map<number, StreamInfo>();
  private readonly all: StreamPeriod[] = [];

  /** The current or last stream; undefined until the first one opens. */
  get newest(): StreamInfo | undefined {
    return this.all.at(-1)?.stream;
  }

  /** The last stream of each connection. */
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
