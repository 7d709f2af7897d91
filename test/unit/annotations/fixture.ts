import type { NewAnnotation, ShownAnnotation } from '../../../src/annotations/annotation.js';
import type { Annotations } from '../../../src/annotations/types.js';
import type { EndpointCheck } from '../../../src/cloud/endpoint-check.js';
import type { EdgeKeys } from '../../../src/cloud/signature.js';
import { AnnotateRequest } from '../../../src/gen/chrys/cloud/videostreaming/v1beta1/video_streaming.js';
import type { ItemPage, ItemQuery, OutboxStatus, RefusedAction } from '../../../src/outbox/types.js';

import { itemOf, STORED_MS } from '../outbox/fixture.js';

export { STORED_MS };

export function annotation(number: number, changes: Partial<NewAnnotation> = {}): NewAnnotation {
  return itemOf(number, changes);
}

export function annotateRequest(changes: Partial<AnnotateRequest> = {}): AnnotateRequest {
  return AnnotateRequest.fromPartial({ deviceName: 'yard', type: 'moving', startTimestamp: STORED_MS, ...changes });
}

/** Annotations with the answers that the test sets. */
export class FakeAnnotations implements Annotations {
  readonly queries: ItemQuery[] = [];
  readonly handled: (readonly [action: RefusedAction, ids: readonly string[] | undefined])[] = [];
  readonly keys: EdgeKeys[] = [];
  page: ItemPage<ShownAnnotation> = { items: [], next: undefined };
  setAside: readonly ShownAnnotation[] = [];
  state: OutboxStatus = {
    mode: 'cloud',
    queued: 0,
    inFlight: 0,
    delivered: 0,
    setAside: 0,
    kept: 0,
    oldestAgeMs: undefined,
    paused: '',
    lastError: '',
    lastErrorMs: 0,
    nextAttemptMs: 0,
  };
  check: EndpointCheck = {
    endpoint: 'http://cloud/',
    problem: undefined,
    message: 'It takes annotations.',
    status: 200,
    tookMs: 5,
    clockSkewMs: undefined,
  };

  annotate(): Promise<string> {
    return Promise.resolve(annotation(1).id);
  }

  get(id: string): Promise<ShownAnnotation | undefined> {
    return Promise.resolve([...this.page.items, ...this.setAside].find((one) => one.id === id));
  }

  status(): Promise<OutboxStatus> {
    return Promise.resolve(this.state);
  }

  list(query: ItemQuery): Promise<ItemPage<ShownAnnotation>> {
    this.queries.push(query);
    return Promise.resolve(this.page);
  }

  refused(afterSeq: number, limit: number): Promise<readonly ShownAnnotation[]> {
    return Promise.resolve(this.setAside.filter(({ seq }) => seq > afterSeq).slice(0, limit));
  }

  handleRefused(action: RefusedAction, ids: readonly string[] | undefined): Promise<number> {
    this.handled.push([action, ids]);
    return Promise.resolve(ids?.length ?? this.setAside.length);
  }

  checkEndpoint(): Promise<EndpointCheck> {
    return Promise.resolve(this.check);
  }

  useKeys({ edgeKey, edgeSecret }: EdgeKeys): void {
    this.keys.push({ edgeKey, edgeSecret });
  }
}
