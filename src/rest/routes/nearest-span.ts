import { memorySpanOf } from '../../cameras/status/buffer-extent.js';
import type { Recordings, Span } from '../../recording/types.js';
import type { TimeRange } from '../route-table/parameters.js';
import type { RecordedCamera } from './recorded-camera.js';

/** How far before and after a segment the ends of its span are searched. */
const AROUND_MS = 24 * 3600 * 1000;

/** For an error message about a range in which there is nothing: names the nearest span of the camera. */
export async function nearestSpanText(
  { name, camera }: RecordedCamera,
  range: TimeRange,
  recordings: Pick<Recordings, 'nearest' | 'timeline'>,
): Promise<string> {
  const spans = [await spanOnDisk(name, range, recordings), camera && memorySpanOf(camera.packets)]
    .filter((span) => span !== undefined)
    .sort((one, other) => distance(one, range) - distance(other, range));
  const [nearest] = spans;
  if (nearest === undefined) {
    return `it has no recording. PATCH /api/v1/process/${name} with {"record": true} starts recording.`;
  }
  return `the nearest span begins ${spanText(nearest)}.`;
}

export function rangeText({ fromMs, toMs }: TimeRange): string {
  return `between ${fromMs} (${timeOf(fromMs)}) and ${toMs} (${timeOf(toMs)})`;
}

async function spanOnDisk(
  name: string,
  range: TimeRange,
  recordings: Pick<Recordings, 'nearest' | 'timeline'>,
): Promise<Span | undefined> {
  const segment = recordings.nearest(name, ((range.fromMs + range.toMs) / 2) * 1000, false);
  if (segment === undefined) return undefined;
  const startMs = Math.floor(segment.startUs / 1000);
  const endMs = Math.ceil((segment.startUs + segment.durationUs) / 1000);
  const { spans } = await recordings.timeline(name, Math.max(0, startMs - AROUND_MS), endMs + AROUND_MS);
  return spans.find(({ fromMs, toMs }) => fromMs <= startMs && startMs <= toMs) ?? { fromMs: startMs, toMs: endMs };
}

function distance({ fromMs, toMs }: Span, range: TimeRange): number {
  return Math.max(0, fromMs - range.toMs, range.fromMs - toMs);
}

function spanText({ fromMs, toMs }: Span): string {
  return `at ${fromMs} (${timeOf(fromMs)}) and ends at ${toMs} (${timeOf(toMs)})`;
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
