import type { RedisLink } from '../../redis/redis-link.js';
import type { QueuedItem, SettledItem } from '../item.js';
import * as scripts from './scripts.js';
import { runScript, type Script } from './scripts.js';

/** An item of the stream that is to be sent. */
export interface StreamItem extends Omit<QueuedItem, 'seq'> {
  /** Entry id in the stream. */
  readonly entry: string;
  /** The proxy that stored the item. */
  readonly origin: string;
}

/** The result of sending an item. */
export interface StreamSettlement {
  readonly entry: string;
  readonly id: string;
  readonly origin: string;
  /** Why the item was set aside; '' = it was delivered. */
  readonly refusal: string;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

/** The result of sending an item of this proxy. */
export interface SettledEntry extends SettledItem {
  /** Entry id in the stream of results. */
  readonly resultEntry: string;
  /** Entry id that the item had in the stream. */
  readonly entry: string;
}

/** Redis no longer knows our session or lease: it was flushed, or another proxy has the lease. */
export class StaleSession extends Error {}

const GROUP = 'senders';
/** One proxy sends at a time, so all use the same consumer. */
const CONSUMER = 'sender';
/** The keys of a proxy that does not come back expire after this time. */
const KEEP_MS = 30 * 24 * 3600 * 1000;
/** Maximum bytes that one read returns. */
const MAX_BYTES = 2 * 1024 * 1024;
/** A claim cannot limit the bytes, so it limits the entries. */
const CLAIM_LIMIT = 5;
/** A proxy that waits for the lease must ask again within this time. */
const WAITING_MS = 5000;

type Entry = [id: string, fields: string[]];

/**
 * The queue that proxies share: a Redis stream with one consumer group, and keys beside it. `<key>` is
 * `<redis.annotation_queue>:annotations`:
 *
 * - `<key>`: the stream, one entry for each item that waits;
 * - `<key>:ids:<origin>`: a hash from item id to entry id, from when an item is added until its origin has the result;
 * - `<key>:done:<origin>`: a stream with the results of the origin's items. The origin reads and removes them;
 * - `<key>:session:<origin>`: written when a proxy connects. When it is gone, Redis has lost its data;
 * - `<key>:sender`: the lease of the sender. `<key>:waiting`: the proxies that wait for it.
 *
 * Every method rejects while Redis is away.
 */
export class SharedStream {
  constructor(
    private readonly link: Pick<RedisLink, 'client'>,
    private readonly key: string,
    readonly origin: string,
  ) {}

  /** Ends earlier sessions of this proxy: their calls throw StaleSession. */
  async beginSession(session: string): Promise<void> {
    await this.run(scripts.BEGIN_SESSION, [this.sessionKey, this.idsKey], [session, KEEP_MS]);
  }

  /** Adds items in their order, except those that are there already. Throws StaleSession. */
  async add(session: string, items: readonly QueuedItem[]): Promise<void> {
    const values = items.flatMap(({ id, camera, storedMs, json }) => [id, camera, storedMs, json]);
    await this.runChecked(scripts.ADD, [this.sessionKey, this.idsKey, this.key], [session, this.origin, ...values]);
  }

  /** Up to `limit` results of our items, oldest first. Throws StaleSession. */
  async settled(session: string, limit: number): Promise<SettledEntry[]> {
    const keys = [this.sessionKey, this.doneKey(this.origin)];
    const found = (await this.runChecked(scripts.DONE, keys, [session, limit])) as Entry[];
    return found.map(([resultEntry, texts]) => {
      const { id = '', entry = '', refusal = '', at = '' } = fieldsOf(texts);
      return { resultEntry, entry, id, refusal: refusal === '' ? undefined : refusal, atMs: Number(at) };
    });
  }

  /** Removes results that are stored locally. */
  async forget(results: readonly SettledEntry[]): Promise<void> {
    const values = results.flatMap(({ resultEntry, id, entry }) => [resultEntry, id, entry]);
    await this.run(scripts.FORGET, [this.doneKey(this.origin), this.idsKey], values);
  }

  /** Which of our items are neither in the stream nor settled. Renews the expiry of our keys. Throws StaleSession. */
  async lost(session: string, ids: readonly string[]): Promise<string[]> {
    const keys = [this.sessionKey, this.idsKey, this.key, this.doneKey(this.origin)];
    return (await this.runChecked(scripts.LOST, keys, [session, KEEP_MS, ...ids])) as string[];
  }

  /** False: another proxy has the lease. */
  async takeLease(lease: string, forMs: number): Promise<boolean> {
    const values = [this.origin, lease, forMs, GROUP, WAITING_MS];
    return (await this.run(scripts.TAKE_LEASE, [this.senderKey, this.waitingKey, this.key], values)) === 1;
  }

  /** Renews the lease and returns how many proxies wait for it. Throws StaleSession. */
  async keepLease(lease: string, forMs: number): Promise<number> {
    return (await this.runChecked(scripts.KEEP_LEASE, [this.senderKey, this.waitingKey], [lease, forMs])) as number;
  }

  async releaseLease(lease: string): Promise<void> {
    await this.run(scripts.RELEASE_LEASE, [this.senderKey], [lease]);
  }

  async hasSender(): Promise<boolean> {
    return (await this.link.client.exists(this.senderKey)) === 1;
  }

  /** Items that an earlier sender has read and not settled, in their order; `next`: '' = there are no more. Throws StaleSession. */
  async claim(lease: string, from: string): Promise<{ found: StreamItem[]; next: string }> {
    const values = [lease, GROUP, CONSUMER, from, CLAIM_LIMIT];
    const [next, entries] = (await this.runChecked(scripts.CLAIM, [this.senderKey, this.key], values)) as [
      string,
      (Entry | null)[],
    ];
    return { found: itemsOf(entries), next: next === '0-0' ? '' : next };
  }

  /** Up to `limit` items that were never read, in their order. Throws StaleSession. */
  async read(lease: string, limit: number): Promise<StreamItem[]> {
    const values = [lease, GROUP, CONSUMER, limit, MAX_BYTES];
    return itemsOf((await this.runChecked(scripts.READ, [this.senderKey, this.key], values)) as Entry[]);
  }

  /** Removes items and stores the results for their origins. Repeating this has no effect. All results get the time of the first. */
  async settle(settlements: readonly StreamSettlement[]): Promise<void> {
    const keys = [this.key, ...settlements.map(({ origin }) => this.doneKey(origin))];
    const values = settlements.flatMap(({ entry, id, refusal }) => [entry, id, refusal]);
    await this.run(scripts.SETTLE, keys, [GROUP, KEEP_MS, settlements[0]?.atMs ?? 0, ...values]);
  }

  private get sessionKey(): string {
    return `${this.key}:session:${this.origin}`;
  }

  private get idsKey(): string {
    return `${this.key}:ids:${this.origin}`;
  }

  private doneKey(origin: string): string {
    return `${this.key}:done:${origin}`;
  }

  private get senderKey(): string {
    return `${this.key}:sender`;
  }

  private get waitingKey(): string {
    return `${this.key}:waiting`;
  }

  private async run(script: Script, keys: readonly string[], values: readonly (string | number)[]): Promise<unknown> {
    return await runScript(this.link.client, script, keys, values);
  }

  /** Throws StaleSession when the script says that the session or lease is not valid. */
  private async runChecked(
    script: Script,
    keys: readonly string[],
    values: readonly (string | number)[],
  ): Promise<unknown> {
    const answer = await this.run(script, keys, values);
    if (answer === null) throw new StaleSession('Redis has lost its data, or another proxy sends.');
    return answer;
  }
}

function fieldsOf(texts: readonly string[]): Record<string, string> {
  const fields: Record<string, string> = {};
  for (let at = 0; at + 1 < texts.length; at += 2) fields[texts[at] ?? ''] = texts[at + 1] ?? '';
  return fields;
}

/** Older versions of Redis return null for an entry that was removed. */
function itemsOf(entries: readonly (Entry | null)[]): StreamItem[] {
  return entries.flatMap((found) => {
    if (found === null) return [];
    const { id = '', camera = '', stored = '', json = '', origin = '' } = fieldsOf(found[1]);
    return [{ entry: found[0], id, camera, storedMs: Number(stored), json, origin }];
  });
}
