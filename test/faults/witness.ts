/** A client of another camera, which must notice nothing of what is done to the ones under test. */
import { expect } from 'vitest';
import { Farm } from '../farm/farm.js';
import { readBarcode } from '../support/barcode.js';
import { ImageClient } from '../support/grpc-client.js';
import type { Proxy } from '../support/proxy.js';
import { waitFor } from '../support/wait.js';

const CLIP = 'h264-640x480-25-g50';
const CLIP_FRAMES = 300;
const NAME = 'witness';

/** A caller gets the newest picture: on a busy machine it may itself come too late for some. */
const MAY_COME_TOO_LATE = 5;
const MAY_COME_TOO_LATE_SHARE = 0.04;

export interface Testimony {
  /** Taken by the client. */
  readonly frames: number;
  /** Missing between those, whoever was too late: the camera, the proxy, or the client on a busy machine. */
  readonly lost: number;
  /** Received from the camera and not made into a picture: 0, or something is wrong. */
  readonly notPublished: number;
  readonly repeated: number;
  readonly torn: number;
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

  private constructor(proxy: Proxy, farm: Farm, client: ImageClient) {
    this.#proxy = proxy;
    this.#farm = farm;
    this.#client = client;
    this.#done = this.#watch();
  }

  /** Adds a camera of its own farm to the proxy and takes every frame of it from now on. */
  static async start(proxy: Proxy): Promise<Witness> {
    const farm = await Farm.start({ mounts: [{ path: NAME, clip: CLIP }] });
    await proxy.addCamera(NAME, farm.url(NAME));
    await proxy.cameraIsRunning(NAME);
    const witness = new Witness(proxy, farm, new ImageClient(proxy.grpcAddress, 'bidirectional'));
    await waitFor('the witness to see frames', 15_000, () => witness.#numbers.length > 25);
    witness.#before = await witness.#counters();
    return witness;
  }

  /** Ends it, removes its camera, and says what it saw. */
  async stop(): Promise<Testimony> {
    const before = this.#before ?? (await this.#counters());
    const after = await this.#counters();
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
      // One may be on its way at either moment.
      notPublished: Math.max(0, unpublished - 1),
      repeated: steps.filter((step) => step === 0).length,
      torn,
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

/** What every row of A and B promises for the others. */
export function expectUndisturbed(testimony: Testimony): void {
  expect(testimony).toMatchObject({ notPublished: 0, repeated: 0, torn: 0 });
  expect(testimony.lost).toBeLessThanOrEqual(MAY_COME_TOO_LATE + testimony.frames * MAY_COME_TOO_LATE_SHARE);
}
