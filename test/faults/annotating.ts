/** Clients that annotate without pause, and a count of what the receiver got of it. */
import type { AnnotationReceiver } from '../support/annotation-receiver.js';
import { annotate, annotationsStatus } from '../support/annotations.js';
import { ImageClient } from '../support/grpc-client.js';
import type { Proxy } from '../support/proxy.js';
import { pause, waitFor } from '../support/wait.js';

/** Pause of a client after a failed call, so that it does not use a whole core while the proxy is away. */
const AFTER_FAILURE_MS = 20;

/** One client per camera, one call at a time. Annotations are numbered in custom_meta_1. */
export class Annotators {
  /** Numbers of the acknowledged annotations, by camera. */
  readonly acknowledged = new Map<string, number[]>();
  failures = 0;
  #ended = false;
  readonly #running: Promise<void>[];

  constructor(proxy: Proxy, cameras: readonly string[]) {
    this.#running = cameras.map((camera) => this.#run(proxy, camera));
  }

  get count(): number {
    return [...this.acknowledged.values()].reduce((sum, numbers) => sum + numbers.length, 0);
  }

  /** Resolves when `count` more annotations have been acknowledged. */
  async more(count: number, boundMs: number): Promise<void> {
    const wanted = this.count + count;
    await waitFor(`${count} more acknowledged annotations`, boundMs, () => this.count >= wanted);
  }

  async stop(): Promise<void> {
    this.#ended = true;
    await Promise.all(this.#running);
  }

  async #run(proxy: Proxy, camera: string): Promise<void> {
    const numbers: number[] = [];
    this.acknowledged.set(camera, numbers);
    let client = new ImageClient(proxy.grpcAddress, 'unary');
    for (let number = 0; !this.#ended; number += 1) {
      try {
        await annotate(client, camera, { custom_meta_1: String(number) });
        numbers.push(number);
      } catch {
        this.failures += 1;
        await pause(AFTER_FAILURE_MS);
        // The back-off of an old client between attempts to connect grows.
        client.close();
        client = new ImageClient(proxy.grpcAddress, 'unary');
      }
    }
    client.close();
  }
}

export interface Delivery {
  /** Acknowledged, and never accepted by the receiver. */
  readonly lost: number;
  /** First received after an annotation that was made later. */
  readonly disordered: number;
  /** Annotations that were received under several ids. */
  readonly renamed: number;
  /** Received again under the same id. */
  readonly repeated: number;
}

export async function everythingIsSent(proxy: Proxy, boundMs: number): Promise<void> {
  await waitFor('the queue to be empty', boundMs, async () => (await annotationsStatus(proxy)).queued === 0);
}

/** Annotators of several proxies use different cameras. */
export function deliveryOf(annotators: Pick<Annotators, 'acknowledged'>, receiver: AnnotationReceiver): Delivery {
  const idsOf = new Map<string, Set<string>>();
  for (const { id, device_name: camera, custom_meta_1: number = '' } of receiver.accepted) {
    const key = `${camera} ${number}`;
    idsOf.set(key, (idsOf.get(key) ?? new Set()).add(id));
  }
  const ids = [...idsOf.values()];
  let lost = 0;
  let disordered = 0;
  for (const [camera, numbers] of annotators.acknowledged) {
    lost += numbers.filter((number) => !idsOf.has(`${camera} ${number}`)).length;
    const came = receiver.firstOf(camera).map(Number);
    disordered += came.filter((number, index) => index > 0 && number < (came[index - 1] ?? 0)).length;
  }
  return {
    lost,
    disordered,
    renamed: ids.filter(({ size }) => size > 1).length,
    repeated: receiver.accepted.length - receiver.ids.size,
  };
}
