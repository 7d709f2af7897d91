import { afterEach, describe, expect, it } from 'vitest';
import { ANNOTATION_NAMES } from '../../../src/annotations/annotation-names.js';
import type { AnnotationData } from '../../../src/annotations/messages.js';
import { StoredAnnotations } from '../../../src/annotations/stored-annotations.js';
import { systemClock } from '../../../src/base/clock.js';
import { createLogger } from '../../../src/base/log.js';
import { DATA } from '../outbox/fixture.js';
import { annotateRequest } from './fixture.js';

let annotations: StoredAnnotations;

afterEach(() => annotations.stop());

async function open(changes: Partial<AnnotationData> = {}): Promise<void> {
  const evidence = { sendEvidence: false, evidenceMaxBytes: 1 << 20 };
  annotations = await StoredAnnotations.open({
    data: { ...DATA, names: ANNOTATION_NAMES, ...evidence, ...changes },
    logger: createLogger({ mode: 'release', stream: { write: () => undefined } }),
    clock: systemClock,
    stopping: new AbortController().signal,
    workerUrl: new URL('../fixtures/fake-outbox-worker.mjs', import.meta.url),
  });
}

function annotate(): Promise<string> {
  const request = annotateRequest({ startTimestamp: Date.now() });
  return annotations.annotate(request, { isGone: () => false });
}

describe('an annotation', () => {
  it('is refused without keys in cloud mode', async () => {
    await open({ keys: { edgeKey: 'key', edgeSecret: '' } });
    await expect(annotate()).rejects.toMatchObject({
      kind: 'failed_precondition',
      message: expect.stringMatching(/no edge secret.*cloud set-key/),
    });
    annotations.useKeys({ edgeKey: 'other', edgeSecret: 'secret' });
    await annotate();
  });

  it('is stored without keys in local mode', async () => {
    await open({ mode: 'local', keys: { edgeKey: '', edgeSecret: '' } });
    await annotate();
  });
});

it('a query fails with the reason', async () => {
  await open();
  const query = { camera: undefined, type: undefined, fromMs: 0, toMs: 1, after: undefined, limit: 1 };
  await expect(annotations.list(query)).rejects.toMatchObject({ kind: 'internal', message: 'a bug' });
});
