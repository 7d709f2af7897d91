import type { ExtensionContext, OutboxExtension } from '../outbox/extension.js';
import type { ShownItem } from '../outbox/item.js';
import { listItems, MAX_PAGE_CHARACTERS } from '../outbox/list-items.js';
import type { NewAnnotation, ShownAnnotation } from './annotation.js';
import { EvidenceFolder } from './evidence/evidence-folder.js';
import { evidenceFolder } from './evidence/evidence-files.js';
import { EvidenceGate } from './evidence/evidence-gate.js';
import { EvidenceTable } from './evidence/evidence-table.js';
import type { AnnotationData, AnnotationQuestions } from './messages.js';

/** Adds evidence to the outbox of the annotations. */
export function annotationExtension(
  data: AnnotationData,
  { queue, clock, log, wakeSender }: ExtensionContext,
): OutboxExtension<NewAnnotation, AnnotationQuestions> {
  const table = new EvidenceTable(queue.connection);
  const folder = evidenceFolder(data.dataDir);
  const files = new EvidenceFolder({ folder, table, maxBytes: data.evidenceMaxBytes, clock, log });
  const gate = data.sendEvidence ? new EvidenceGate({ folder, table, clock, wake: wakeSender }) : undefined;
  const shown = (item: ShownItem): ShownAnnotation => {
    const evidence = table.get(item.id);
    return evidence === undefined ? item : { ...item, evidence };
  };
  return {
    gate,
    onAdded: ({ id, evidence }) => {
      if (evidence !== undefined) table.insert(id, evidence);
    },
    clean: () => files.clean(),
    close: () => gate?.close(),
    questionHandlers: {
      get: ({ id }) => {
        const item = queue.byId(id);
        return item && shown(item);
      },
      list: async (query) => {
        const { items, next } = await listItems(queue, query);
        return { items: items.map(shown), next };
      },
      refused: ({ afterSeq, limit }) => queue.refused(afterSeq, limit, MAX_PAGE_CHARACTERS).map(shown),
      pendingEvidence: ({ limit }) => table.pending(limit),
      noteSnapshot: ({ id, snapshot }) => {
        table.noteSnapshot(id, snapshot);
        return undefined;
      },
      settleEvidence: ({ id, made }) => {
        const isNeeded = files.settle(id, made);
        // Deletes the files of the evidence that was removed to make room.
        files.clean();
        wakeSender();
        return isNeeded;
      },
    },
  };
}
