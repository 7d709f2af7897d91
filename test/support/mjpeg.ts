/** A strict reader of multipart/x-mixed-replace. */
import { get, type IncomingMessage } from 'node:http';

export interface MjpegPart {
  readonly jpeg: Buffer;
  /** X-Timestamp: milliseconds since the epoch. */
  readonly timestamp: number;
}

export class MjpegReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #pending = Buffer.alloc(0);
  #begun = false;
  #response: IncomingMessage | undefined;

  constructor(url: string) {
    this.#chunks = this.#read(url);
  }

  /** The next part; undefined at the end of the stream. */
  async next(): Promise<MjpegPart | undefined> {
    if (!this.#begun) {
      await this.#line('--frame');
      this.#begun = true;
    }
    const head = await this.#until('\r\n\r\n');
    if (head === undefined) return undefined;
    const [, length, timestamp] =
      /^Content-Type: image\/jpeg\r\nContent-Length: (\d+)\r\nX-Timestamp: (\d+)$/.exec(head.toString()) ??
      fail(`Not the head of a part: ${JSON.stringify(head.toString('latin1').slice(0, 200))}`);
    const jpeg = await this.#bytes(Number(length));
    if (jpeg === undefined) return undefined;
    await this.#line('');
    await this.#line('--frame');
    return { jpeg, timestamp: Number(timestamp) };
  }

  leave(): void {
    this.#response?.destroy();
  }

  async *#read(url: string): AsyncGenerator<Buffer> {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      get(url, { agent: false }, resolve).on('error', reject);
    });
    this.#response = response;
    if (response.statusCode !== 200) fail(`${url}: ${response.statusCode ?? 0}`);
    for await (const chunk of response) yield chunk as Buffer;
  }

  async #line(expected: string): Promise<void> {
    const line = await this.#until('\r\n');
    if (line !== undefined && line.toString() !== expected) fail(`"${line.toString()}" instead of "${expected}"`);
  }

  async #until(end: string): Promise<Buffer | undefined> {
    for (;;) {
      const at = this.#pending.indexOf(end);
      if (at >= 0) {
        const found = this.#pending.subarray(0, at);
        this.#pending = this.#pending.subarray(at + end.length);
        return found;
      }
      if (!(await this.#more())) return undefined;
    }
  }

  async #bytes(count: number): Promise<Buffer | undefined> {
    while (this.#pending.length < count) if (!(await this.#more())) return undefined;
    const found = this.#pending.subarray(0, count);
    this.#pending = this.#pending.subarray(count);
    return found;
  }

  async #more(): Promise<boolean> {
    const { value, done } = await this.#chunks.next();
    if (done === true) return false;
    this.#pending = Buffer.concat([this.#pending, value]);
    return true;
  }
}

/** Reads the first `count` parts and closes the connection. */
export async function mjpegParts(url: string, count: number): Promise<MjpegPart[]> {
  const reader = new MjpegReader(url);
  const parts: MjpegPart[] = [];
  while (parts.length < count) parts.push((await reader.next()) ?? fail('The stream ended early'));
  reader.leave();
  return parts;
}

function fail(message: string): never {
  throw new Error(message);
}
