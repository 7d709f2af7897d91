import { setImmediate as otherWork } from 'node:timers/promises';
import type { ItemPosition, ShownItem } from './item.js';
import type { QueueDatabase } from './queue-database.js';
import type { ItemPage, ItemQuery } from './types.js';

/** Maximum number of rows that one search reads. Other work of the thread runs between two searches. */
const SCAN_LIMIT = 1000;
/** Maximum number of rows that one page reads. Beyond it, the page ends with the items found so far. */
const MAX_SCANNED = 50_000;
/** A page ends when its JSON is longer than this, because a client loads it into memory. */
export const MAX_PAGE_CHARACTERS = 1024 * 1024;

/** One page of items, in the order of `startMs`. */
export async function listItems(
  queue: Pick<QueueDatabase, 'search' | 'get'>,
  { camera, type, fromMs, toMs, after, limit }: ItemQuery,
): Promise<ItemPage> {
  const items: ShownItem[] = [];
  let next: ItemPosition = after ?? { startMs: fromMs, seq: 0 };
  let characters = 0;
  for (let scanned = 0; scanned < MAX_SCANNED; scanned += SCAN_LIMIT) {
    const { matches, scannedTo } = queue.search({ camera, type, toMs, after: next, scanLimit: SCAN_LIMIT });
    for (const { startMs, seq } of matches) {
      // `next` is the last item of the page, because rows between it and this item may not match.
      if (items.length === limit || characters > MAX_PAGE_CHARACTERS) return { items, next };
      const item = queue.get(seq);
      if (item === undefined) continue;
      items.push(item);
      characters += item.json.length;
      next = { startMs, seq };
    }
    if (scannedTo === undefined) return { items, next: undefined };
    next = scannedTo;
    await otherWork();
  }
  return { items, next };
}
