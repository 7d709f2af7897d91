import { setImmediate as otherWork } from 'node:timers/promises';
import { MAX_PAGE_CHARACTERS } from './list-items.js';
import type { RefusedRequest } from './messages.js';
import type { QueueDatabase } from './queue-database.js';

const BATCH_SIZE = 500;

/**
 * Requeues or discards refused items, and returns their number. `onHandled` is called after each batch. Items that are
 * refused again meanwhile are not handled twice.
 */
export async function handleRefused(
  queue: QueueDatabase,
  { action, ids }: RefusedRequest,
  onHandled: () => void,
): Promise<number> {
  const chosen = ids === undefined ? undefined : queue.refusedSeqs([...new Set(ids)]);
  const total = chosen?.length ?? queue.totals.setAside;
  let handled = 0;
  while (handled < total) {
    const limit = Math.min(BATCH_SIZE, total - handled);
    const seqs =
      chosen?.slice(handled, handled + limit) ?? queue.refused(0, limit, MAX_PAGE_CHARACTERS).map(({ seq }) => seq);
    if (seqs.length === 0) break;
    queue[action](seqs);
    handled += seqs.length;
    onHandled();
    await otherWork();
  }
  return handled;
}
