import type { AnnotationsAnswer, SetAsideAnswer } from '../rest/route-table/annotations.js';
import type { CloudCheckAnswer, SettingsAnswer } from '../rest/route-table/services.js';
import type { ProxyClient } from './client.js';

const PAGE = 1000;
/** Longer than the maximum of `annotation.timeout_ms`. */
const CHECK_TIMEOUT_MS = 11 * 60_000;
/** Long enough for a million annotations. */
const BULK_TIMEOUT_MS = 10 * 60_000;

export type SetAsideAnnotation = SetAsideAnswer['annotations'][number];

/** The REST interface of annotations and cloud keys. Every method throws CliError. */
export class AnnotationsClient {
  constructor(private readonly proxy: ProxyClient) {}

  async status(): Promise<AnnotationsAnswer> {
    return (await this.proxy.requestJson('GET', 'annotations/status')) as AnnotationsAnswer;
  }

  /** The oldest refused annotations, at most `limit`. */
  async setAside(limit: number): Promise<SetAsideAnnotation[]> {
    const found: SetAsideAnnotation[] = [];
    let after: number | null = 0;
    while (after !== null && found.length < limit) {
      const query = `limit=${Math.min(PAGE, limit - found.length)}&after=${after}`;
      const page = (await this.proxy.requestJson('GET', `annotations/set-aside?${query}`)) as SetAsideAnswer;
      found.push(...page.annotations);
      after = page.next;
    }
    return found;
  }

  /** Queues these refused annotations again, or all without `ids`; returns their number. */
  async requeue(ids: readonly string[] | undefined): Promise<number> {
    return ((await this.#change('requeue', ids)) as { requeued: number }).requeued;
  }

  /** Deletes these refused annotations, or all without `ids`; returns their number. */
  async discard(ids: readonly string[] | undefined): Promise<number> {
    return ((await this.#change('discard', ids)) as { discarded: number }).discarded;
  }

  async keys(): Promise<SettingsAnswer> {
    return (await this.proxy.requestJson('GET', 'settings')) as SettingsAnswer;
  }

  async setKeys(edgeKey: string, edgeSecret: string): Promise<void> {
    await this.proxy.requestJson('POST', 'settings', { name: 'default', edge_key: edgeKey, edge_secret: edgeSecret });
  }

  async check(): Promise<CloudCheckAnswer> {
    return (await this.proxy.requestJson('POST', 'cloud/check', undefined, CHECK_TIMEOUT_MS)) as CloudCheckAnswer;
  }

  async #change(action: 'requeue' | 'discard', ids: readonly string[] | undefined): Promise<unknown> {
    const body = ids === undefined ? { all: true } : { ids };
    return await this.proxy.requestJson('POST', `annotations/set-aside/${action}`, body, BULK_TIMEOUT_MS);
  }
}
