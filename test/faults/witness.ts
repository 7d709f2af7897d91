/** A client of another camera. It checks that the faults of the cameras under test do not disturb that camera. */
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { Farm } from '../farm/farm.js';
import { readBarcode } from '../support/barcode.js';
import { ImageClient } from '../support/grpc-client.js';
import type { Proxy } from '../support/proxy.js';
import { waitFor } from '../support/wait.js';

const CLIP = 'h264-640x480-25-g50';
const CLIP_FRAMES = 300;
const NAME = 'witness';

/** A caller gets the newest picture, so it skips a picture when it asks too late. So many are allowed on any machine. */
const MAX_LATE = 5;
/** One more is allowed for each of these times that the proxy or the client waited for a processor. */
const FRAME_MS = 40;

export interface Testimony {
  /** Frames that the client took. */
  readonly frames: number;
  /** Pictures that are missing between those: the camera, the proxy or the client was too late. */
  readonly lost: number;
  /** Packets that were received and not published as a frame. More than 0 is a fault. */
  readonly notPublished: number;
  readonly repeated: number;
  readonly torn: number;
  /** Time that the main threads of the proxy and of the client waited for a processor, ms. */
  readonly starvedMs: number;
}

interface Counters {
  readonly packets: number;
  readonly frames_published: number;
}

export class Witness {
  readonly #proxy: Proxy;
  readonly #farm: Farm;
  readonly #client: ImageClient;
  readonly #numbers: (number | 'torn')[] = [];
  #watching = true;
  readonly #done: Promise<void>;

  #before: Counters | undefined;
  #starvedMs = 0;

  private constructor(proxy: Proxy, farm: Farm, client: ImageClient) {
    this.#proxy = proxy;
    this.#farm = farm;
    this.#client = client;
    this.#done = this.#watch();
  }

  /** Adds a camera with its own farm to the proxy, and takes every frame of it until `stop`. */
  static async start(proxy: Proxy): Promise<Witness> {
    const farm = await Farm.start({ mounts: [{ path: NAME, clip: CLIP }] });
    await proxy.addCamera(NAME, farm.url(NAME));
    await proxy.cameraIsRunning(NAME);
    const witness = new Witness(proxy, farm, new ImageClient(proxy.grpcAddress, 'bidirectional'));
    await waitFor('the witness to see frames', 60_000, () => witness.#numbers.length > 25);
    witness.#starvedMs = starvedMs(proxy.pid);
    witness.#before = await witness.#counters();
    return witness;
  }

  /** Ends the client, removes its camera, and returns its report. */
  async stop(): Promise<Testimony> {
    const before = this.#before ?? (await this.#counters());
    const after = await this.#counters();
    const starved = starvedMs(this.#proxy.pid) - this.#starvedMs;
    this.#watching = false;
    try {
      await this.#done;
      await this.#proxy.removeCamera(NAME);
    } finally {
      this.#client.close();
      await this.#farm.stop();
    }
    const seen = this.#numbers.filter((number) => number !== 'torn');
    const torn = this.#numbers.length - seen.length;
    const steps = seen.slice(1).map((number, at) => (number - (seen[at] ?? 0) + CLIP_FRAMES) % CLIP_FRAMES);
    const unpublished = after.packets - before.packets - (after.frames_published - before.frames_published);
    return {
      frames: this.#numbers.length,
      lost: steps.reduce((sum, step) => sum + Math.max(0, step - 1), 0) - torn,
      // One packet may be on its way when the counters are read.
      notPublished: Math.max(0, unpublished - 1),
      repeated: steps.filter((step) => step === 0).length,
      torn,
      starvedMs: Math.round(starved),
    };
  }

  async #counters(): Promise<Counters> {
    const { text } = await this.#proxy.rest('GET', `/api/v1/process/${NAME}`);
    return (JSON.parse(text) as { chrysproxy: { stats: Counters } }).chrysproxy.stats;
  }

  async #watch(): Promise<void> {
    while (this.#watching) {
      const { data, width, height } = await this.#client.frame({ device_id: NAME });
      if (data.length > 0) this.#numbers.push(readBarcode(data, width, height));
    }
  }
}

/** The promise of all rows of A and B for the other cameras. */
export function expectUndisturbed(testimony: Testimony): void {
  expect(testimony).toMatchObject({ notPublished: 0, repeated: 0, torn: 0 });
  expect(testimony.lost).toBeLessThanOrEqual(maxLate(testimony.starvedMs));
}

/** Maximum number of pictures that a client may skip which waited `waitedMs` for a processor. */
export function maxLate(waitedMs: number): number {
  return MAX_LATE + waitedMs / FRAME_MS;
}

/**
 * Time that the main threads of the proxy and of this process have waited for a processor, ms. From "time spent waiting on
 * a runqueue" of Linux (Documentation/scheduler/sched-stats.rst).
 */
export function starvedMs(proxyPid: number): number {
  const waitedMs = (pid: number | string): number => {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6;
  };
  return waitedMs(proxyPid) + waitedMs(process.pid);
}
