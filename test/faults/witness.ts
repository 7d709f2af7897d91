/** A client of another camera, which must notice nothing of what is done to the ones under test. */
import { Farm } from '../farm/farm.js';
import { readBarcode } from '../support/barcode.js';
import { ImageClient } from '../support/grpc-client.js';
import type { Proxy } from '../support/proxy.js';
import { waitFor } from '../support/wait.js';

const CLIP = 'h264-640x480-25-g50';
const CLIP_FRAMES = 300;
const NAME = 'witness';

export interface Testimony {
  readonly frames: number;
  readonly lost: number;
  readonly repeated: number;
  readonly torn: number;
}

export class Witness {
  readonly #farm: Farm;
  readonly #client: ImageClient;
  readonly #numbers: (number | 'torn')[] = [];
  #watching = true;
  readonly #done: Promise<void>;

  private constructor(farm: Farm, client: ImageClient) {
    this.#farm = farm;
    this.#client = client;
    this.#done = this.#watch();
  }

  /** Adds a camera of its own farm to the proxy and takes every frame of it from now on. */
  static async start(proxy: Proxy): Promise<Witness> {
    const farm = await Farm.start({ mounts: [{ path: NAME, clip: CLIP }] });
    await proxy.addCamera(NAME, farm.url(NAME));
    await proxy.cameraIsRunning(NAME);
    const witness = new Witness(farm, new ImageClient(proxy.grpcAddress, 'bidirectional'));
    await waitFor('the witness to see frames', 15_000, () => witness.#numbers.length > 25);
    return witness;
  }

  /** Ends it and says what it saw. */
  async stop(): Promise<Testimony> {
    this.#watching = false;
    try {
      await this.#done;
    } finally {
      this.#client.close();
      await this.#farm.stop();
    }
    const seen = this.#numbers.filter((number) => number !== 'torn');
    const steps = seen.slice(1).map((number, at) => (number - (seen[at] ?? 0) + CLIP_FRAMES) % CLIP_FRAMES);
    return {
      frames: this.#numbers.length,
      lost: steps.reduce((sum, step) => sum + Math.max(0, step - 1), 0) - (this.#numbers.length - seen.length),
      repeated: steps.filter((step) => step === 0).length,
      torn: this.#numbers.length - seen.length,
    };
  }

  async #watch(): Promise<void> {
    while (this.#watching) {
      const { data, width, height } = await this.#client.frame({ device_id: NAME });
      if (data.length > 0) this.#numbers.push(readBarcode(data, width, height));
    }
  }
}

/** What every row of A and B promises for the others. */
export const UNDISTURBED = { lost: 0, repeated: 0, torn: 0 } as const;
