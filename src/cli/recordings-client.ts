import type { Readable } from 'node:stream';
import type {
  CheckAnswer,
  ClipAnswer,
  ListedSegment,
  RecordingsSummary,
  TimelineAnswer,
} from '../rest/route-table/recordings.js';
import type { ProxyClient } from './client.js';

/** Milliseconds since the epoch; 0: no limit. */
export interface Range {
  readonly fromMs: number;
  readonly toMs: number;
}

const PAGE_SEGMENTS = 1000;
/** Long enough for a folder with very many segments. */
const CHECK_TIMEOUT_MS = 30 * 60_000;

/** The REST interface of recordings and clips. Every method throws CliError. */
export class RecordingsClient {
  constructor(private readonly proxy: ProxyClient) {}

  async summary(): Promise<RecordingsSummary> {
    return (await this.proxy.requestJson('GET', 'recordings')) as RecordingsSummary;
  }

  async check(): Promise<CheckAnswer> {
    return (await this.proxy.requestJson('POST', 'recordings/check', undefined, CHECK_TIMEOUT_MS)) as CheckAnswer;
  }

  /** All segments in a range, oldest first. */
  async segments(camera: string, range: Range): Promise<ListedSegment[]> {
    const all: ListedSegment[] = [];
    let after: number | null = 0;
    while (after !== null) {
      const query = `${rangeQuery(range)}&limit=${PAGE_SEGMENTS}&after=${after}`;
      const page = (await this.proxy.requestJson('GET', `${pathOf(camera)}/segments?${query}`)) as {
        segments: ListedSegment[];
        next: number | null;
      };
      all.push(...page.segments);
      after = page.next;
    }
    return all;
  }

  async timeline(camera: string, range: Range): Promise<TimelineAnswer> {
    return (await this.proxy.requestJson('GET', `${pathOf(camera)}/timeline?${rangeQuery(range)}`)) as TimelineAnswer;
  }

  /** The range as a stream of one mp4 file. */
  async clipFile(camera: string, range: Range, signal: AbortSignal): Promise<Readable> {
    return await this.proxy.download(`${pathOf(camera)}/clip.mp4?${rangeQuery(range)}`, signal);
  }

  async clips(camera: string): Promise<ClipAnswer[]> {
    return (await this.proxy.requestJson('GET', `${pathOf(camera)}/clips`)) as ClipAnswer[];
  }

  async addClip(camera: string, name: string, { fromMs, toMs }: Range): Promise<ClipAnswer> {
    const body = { name, from: fromMs, to: toMs };
    return (await this.proxy.requestJson('POST', `${pathOf(camera)}/clips`, body)) as ClipAnswer;
  }

  async removeClip(camera: string, id: number): Promise<void> {
    await this.proxy.request('DELETE', `${pathOf(camera)}/clips/${id}`);
  }
}

function pathOf(camera: string): string {
  return `process/${encodeURIComponent(camera)}`;
}

function rangeQuery({ fromMs, toMs }: Range): string {
  return `from=${fromMs}&to=${toMs}`;
}
