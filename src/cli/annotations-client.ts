import type { AnnotationsAnswer, SetAsideAnswer } from '../rest/routes/annotations.js';
import type { CloudCheckAnswer } from '../rest/routes/cloud.js';
import type { SettingsAnswer } from '../rest/routes/settings.js';
import type { ProxyClient } from './client.js';

const PAGE = 1000;
/** Longer than the proxy waits for the endpoint when `annotation.timeout_ms` is at its largest. */
const CHECK_TIMEOUT_MS = 11 * 60_000;
/** A million of them takes its time. */
const HANDLE_TIMEOUT_MS = 10 * 60_000;

export type SetAsideAnnotation = SetAsideAnswer['annotations'][number];

/** The annotations of a running proxy, and its keys for the cloud. Every method throws CliError. */
export class AnnotationsClient {
  constructor(private readonly proxy: ProxyClient) {}

  async status(): Promise<AnnotationsAnswer> {
    return (await this.proxy.ask('GET', 'annotations/status')) as AnnotationsAnswer;
  }

  /** The first so many, oldest first. */
  async setAside(limit: number): Promise<SetAsideAnnotation[]> {
    const found: SetAsideAnnotation[] = [];
    let after: number | null = 0;
    while (after !== null && found.length < limit) {
      const query = `limit=${Math.min(PAGE, limit - found.length)}&after=${after}`;
      const page = (await this.proxy.ask('GET', `annotations/set-aside?${query}`)) as SetAsideAnswer;
      found.push(...page.annotations);
      after = page.next;
    }
    return found;
  }

  /** All without ids; says how many. */
  async requeue(ids: readonly string[] | undefined): Promise<number> {
    return ((await this.#handle('requeue', ids)) as { requeued: number }).requeued;
  }

  /** The same. */
  async discard(ids: readonly string[] | undefined): Promise<number> {
    return ((await this.#handle('discard', ids)) as { discarded: number }).discarded;
  }

  async keys(): Promise<SettingsAnswer> {
    return (await this.proxy.ask('GET', 'settings')) as SettingsAnswer;
  }

  async setKeys(edgeKey: string, edgeSecret: string): Promise<void> {
    await this.proxy.ask('POST', 'settings', { name: 'default', edge_key: edgeKey, edge_secret: edgeSecret });
  }

  async check(): Promise<CloudCheckAnswer> {
    return (await this.proxy.ask('POST', 'cloud/check', undefined, CHECK_TIMEOUT_MS)) as CloudCheckAnswer;
  }

  async #handle(how: 'requeue' | 'discard', ids: readonly string[] | undefined): Promise<unknown> {
    const body = ids === undefined ? { all: true } : { ids };
    return await this.proxy.ask('POST', `annotations/set-aside/${how}`, body, HANDLE_TIMEOUT_MS);
  }
}
