/** A client that takes every frame of a camera over VideoStream, while the disk or Redis fails. */
import { readBarcode } from '../support/barcode.js';
import { type Frame, ImageClient } from '../support/grpc-client.js';
import type { Proxy } from '../support/proxy.js';
import { waitFor } from '../support/wait.js';
import { starvedMs, type Testimony } from './witness.js';

interface Counters {
  readonly packets: number;
  readonly frames_published: number;
}

/** The report of a StreamWatch. */
export interface StreamTestimony extends Testimony {
  /** Frames that did not arrive later than the frame before. */
  readonly backward: number;
}

export class StreamWatch {
  readonly #client: ImageClient;
  readonly #stream: ReturnType<ImageClient['frames']>;
  readonly #numbers: (number | 'torn')[] = [];
  #backward = 0;
  #lastUs = 0;
  #failure: Error | undefined;
  #before: Counters = { packets: 0, frames_published: 0 };
  #starvedMs = 0;

  private constructor(
    private readonly proxy: Proxy,
    private readonly camera: string,
    private readonly clipFrames: number,
  ) {
    this.#client = new ImageClient(proxy.grpcAddress, 'unary');
    this.#stream = this.#client.frames('VideoStream', { device_id: camera });
    this.#stream.on('data', (frame: Frame) => {
      this.#saw(frame);
    });
    this.#stream.on('error', (error) => {
      this.#failure = error;
    });
  }

  /** The camera runs and plays a clip with `clipFrames` pictures. */
  static async start(proxy: Proxy, camera: string, clipFrames = 300): Promise<StreamWatch> {
    const watch = new StreamWatch(proxy, camera, clipFrames);
    await waitFor(`frames of ${camera}`, 60_000, () => watch.#numbers.length > 25);
    watch.#numbers.splice(0);
    watch.#starvedMs = starvedMs(proxy.pid);
    watch.#before = await watch.#counters();
    return watch;
  }

  async stop(): Promise<StreamTestimony> {
    const after = await this.#counters();
    const starved = starvedMs(this.proxy.pid) - this.#starvedMs;
    const failure = this.#failure;
    this.#stream.cancel();
    this.#client.close();
    if (failure !== undefined) throw failure;
    const seen = this.#numbers.filter((number) => number !== 'torn');
    const torn = this.#numbers.length - seen.length;
    const steps = seen.slice(1).map((number, at) => (number - (seen[at] ?? 0) + this.clipFrames) % this.clipFrames);
    const published = after.frames_published - this.#before.frames_published;
    return {
      frames: this.#numbers.length,
      lost: steps.reduce((sum, step) => sum + Math.max(0, step - 1), 0) - torn,
      // One packet may be on its way when the counters are read.
      notPublished: Math.max(0, after.packets - this.#before.packets - published - 1),
      repeated: steps.filter((step) => step === 0).length,
      torn,
      starvedMs: Math.round(starved),
      backward: this.#backward,
    };
  }

  #saw({ data, width, height, arrival_us: arrivalUs }: Frame): void {
    this.#numbers.push(readBarcode(data, width, height));
    if (arrivalUs <= this.#lastUs) this.#backward += 1;
    this.#lastUs = arrivalUs;
  }

  async #counters(): Promise<Counters> {
    const { text } = await this.proxy.rest('GET', `/api/v1/process/${this.camera}`);
    return (JSON.parse(text) as { chrysproxy: { stats: Counters } }).chrysproxy.stats;
  }
}
