import type { QueuedAnnotation, SettledAnnotation } from '../../database/annotation.js';
import type { RedisLink } from '../../redis/redis-link.js';
import * as scripts from './scripts.js';
import { runScript, type Script } from './scripts.js';

/** One in the stream that waits to be sent. */
export interface StreamAnnotation extends Omit<QueuedAnnotation, 'seq'> {
  /** Its id in the stream. */
  readonly entry: string;
  /** Of the proxy that stored it. */
  readonly origin: string;
}

/** What became of one. */
export interface StreamSettlement {
  readonly entry: string;
  readonly id: string;
  readonly origin: string;
  /** Why it was set aside; '' = it was delivered. */
  readonly refusal: string;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

/** What became of one of ours. */
export interface Done extends SettledAnnotation {
  /** Its id in the stream of what is done, and the one that it had in the stream. */
  readonly doneEntry: string;
  readonly entry: string;
}

/** What was agreed upon is not known in Redis any more: it was flushed, or another has our place. */
export class NotKnown extends Error {}

const GROUP = 'senders';
/** One sends at a time, so all are one consumer. */
const CONSUMER = 'sender';
/** What belongs to a proxy that does not come back goes after so long. */
const KEEP_MS = 30 * 24 * 3600 * 1000;
/** Read at a time. */
const MAX_BYTES = 2 * 1024 * 1024;
/** A claim does not count bytes. */
const CLAIMED_AT_ONCE = 5;
/** Whoever waits for the lease asks again well within it. */
const WAITS_MS = 5000;

type Entry = [id: string, fields: string[]];

/**
 * The queue that proxies share: a stream with one consumer group, and beside it what makes it safe. Under `<name>:annotations`:
 *
 * - (itself): the stream, an entry for each annotation that waits;
 * - `:ids:<origin>`: a hash of annotation id → entry, from when it is added until its origin knows what became of it;
 * - `:done:<origin>`: a stream of what became of its annotations, for the origin to read and remove;
 * - `:session:<origin>`: what a proxy wrote when it connected: gone, when Redis has lost what it had;
 * - `:sender`: the lease of the one proxy that sends, so that each camera's order is kept; `:waiting`: who wants it.
 *
 * Every method rejects when Redis is away.
 */
export class SharedStream {
  private readonly base: string;

  constructor(
    private readonly link: Pick<RedisLink, 'client'>,
    name: string,
    readonly origin: string,
  ) {
    this.base = `${name}:annotations`;
  }

  async beginSession(session: string): Promise<void> {
    await this.run(scripts.BEGIN_SESSION, [this.sessionKey, this.idsKey], [session, KEEP_MS]);
  }

  /** Adds those that are not there, in their order. Throws NotKnown. */
  async add(session: string, annotations: readonly QueuedAnnotation[]): Promise<void> {
    const values = annotations.flatMap(({ id, camera, storedMs, json }) => [id, camera, storedMs, json]);
    await this.known(scripts.ADD, [this.sessionKey, this.idsKey, this.base], [session, this.origin, ...values]);
  }

  /** The oldest of ours that were settled, at most so many. Throws NotKnown. */
  async done(session: string, most: number): Promise<Done[]> {
    const found = await this.known(scripts.DONE, [this.sessionKey, this.doneKey(this.origin)], [session, most]);
    return (found as Entry[]).map(([doneEntry, texts]) => {
      const { id = '', entry = '', refusal = '', at = '' } = fieldsOf(texts);
      return { doneEntry, entry, id, refusal: refusal === '' ? undefined : refusal, atMs: Number(at) };
    });
  }

  /** We have noted what became of these. */
  async forget(done: readonly Done[]): Promise<void> {
    const values = done.flatMap(({ doneEntry, id, entry }) => [doneEntry, id, entry]);
    await this.run(scripts.FORGET, [this.doneKey(this.origin), this.idsKey], values);
  }

  /** Which of these of ours are not there and were not settled; keeps what is ours alive. Throws NotKnown. */
  async lost(session: string, ids: readonly string[]): Promise<string[]> {
    const keys = [this.sessionKey, this.idsKey, this.base, this.doneKey(this.origin)];
    return (await this.known(scripts.LOST, keys, [session, KEEP_MS, ...ids])) as string[];
  }

  /** False: another proxy has it. */
  async takeLease(lease: string, forMs: number): Promise<boolean> {
    const values = [this.origin, lease, forMs, GROUP, WAITS_MS];
    return (await this.run(scripts.TAKE_LEASE, [this.senderKey, this.waitingKey, this.base], values)) === 1;
  }

  /** How many wait for it. Throws NotKnown when it is not ours any more. */
  async keepLease(lease: string, forMs: number): Promise<number> {
    return (await this.known(scripts.KEEP_LEASE, [this.senderKey, this.waitingKey], [lease, forMs])) as number;
  }

  async giveLeaseUp(lease: string): Promise<void> {
    await this.run(scripts.GIVE_LEASE_UP, [this.senderKey], [lease]);
  }

  async hasSender(): Promise<boolean> {
    return (await this.link.client.exists(this.senderKey)) === 1;
  }

  /** What was given to a sender before us, in its order, from an entry on; `next`: '' = that was all. Throws NotKnown. */
  async claim(lease: string, from: string): Promise<{ found: StreamAnnotation[]; next: string }> {
    const values = [lease, GROUP, CONSUMER, from, CLAIMED_AT_ONCE];
    const [next, entries] = (await this.known(scripts.CLAIM, [this.senderKey, this.base], values)) as [
      string,
      (Entry | null)[],
    ];
    return { found: annotationsOf(entries), next: next === '0-0' ? '' : next };
  }

  /** The next, in their order. Throws NotKnown. */
  async read(lease: string, most: number): Promise<StreamAnnotation[]> {
    const values = [lease, GROUP, CONSUMER, most, MAX_BYTES];
    return annotationsOf((await this.known(scripts.READ, [this.senderKey, this.base], values)) as Entry[]);
  }

  /** They are done with, all at one moment: their origins are told, once, however often this is repeated. */
  async settle(settlements: readonly StreamSettlement[]): Promise<void> {
    const keys = [this.base, ...settlements.map(({ origin }) => this.doneKey(origin))];
    const values = settlements.flatMap(({ entry, id, refusal }) => [entry, id, refusal]);
    await this.run(scripts.SETTLE, keys, [GROUP, KEEP_MS, settlements[0]?.atMs ?? 0, ...values]);
  }

  private get sessionKey(): string {
    return `${this.base}:session:${this.origin}`;
  }

  private get idsKey(): string {
    return `${this.base}:ids:${this.origin}`;
  }

  private doneKey(origin: string): string {
    return `${this.base}:done:${origin}`;
  }

  private get senderKey(): string {
    return `${this.base}:sender`;
  }

  private get waitingKey(): string {
    return `${this.base}:waiting`;
  }

  private async run(script: Script, keys: readonly string[], values: readonly (string | number)[]): Promise<unknown> {
    return await runScript(this.link.client, script, keys, values);
  }

  private async known(script: Script, keys: readonly string[], values: readonly (string | number)[]): Promise<unknown> {
    const answer = await this.run(script, keys, values);
    if (answer === null) throw new NotKnown('Redis has lost what it had, or another proxy sends.');
    return answer;
  }
}

function fieldsOf(texts: readonly string[]): Record<string, string> {
  const fields: Record<string, string> = {};
  for (let at = 0; at + 1 < texts.length; at += 2) fields[texts[at] ?? ''] = texts[at + 1] ?? '';
  return fields;
}

/** Older versions of Redis give null for one that was removed. */
function annotationsOf(entries: readonly (Entry | null)[]): StreamAnnotation[] {
  return entries.flatMap((found) => {
    if (found === null) return [];
    const { id = '', camera = '', stored = '', json = '', origin = '' } = fieldsOf(found[1]);
    return [{ entry: found[0], id, camera, storedMs: Number(stored), json, origin }];
  });
}
