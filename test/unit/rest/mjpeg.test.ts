import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.js';
import { ChrysError } from '../../../src/base/errors.js';
import type { FrameRef } from '../../../src/cameras/types.js';
import { pause, waitFor } from '../../support/wait.js';
import { NOW_MS, startRest, type FrameWait, type RestFixture } from './fixture.js';

const STREAM = '/api/v1/process/yard/stream.mjpeg';
const MAX_STREAMS = 64;

let rest: RestFixture;
let stop: AbortController;
const viewers: Viewer[] = [];
beforeEach(async () => {
  stop = new AbortController();
  rest = await startRest({ clock: systemClock, stopping: stop.signal });
  await rest.post('/api/v1/process', { name: 'yard', rtsp_endpoint: 'rtsp://10.0.0.1/live' });
});
afterEach(async () => {
  for (const viewer of viewers.splice(0)) viewer.leave();
  await rest.close();
});

/** A client that stores the bytes that it reads. */
class Viewer {
  received = '';
  closed = false;
  readonly socket: Socket;

  constructor(query = '') {
    this.socket = connect(rest.port, '127.0.0.1', () => {
      this.socket.write(`GET ${STREAM}${query} HTTP/1.1\r\nHost: x\r\n\r\n`);
    });
    this.socket.on('data', (bytes) => (this.received += bytes.toString('latin1')));
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => (this.closed = true));
    viewers.push(this);
  }

  async has(text: string): Promise<void> {
    await waitFor(`the viewer to receive ${text}`, 15_000, () => this.received.includes(text));
  }

  leave(): void {
    this.socket.destroy();
  }
}

/** A frame with a JPEG of one letter, after three other bytes of the message. */
function jpeg(frameId: number, letter: string, copies = true, bytes = 5): FrameRef {
  const message = Buffer.from(`xxx${letter.repeat(bytes)}`);
  const ref: FrameRef = {
    frameId,
    keyframeCount: 1,
    keyframe: false,
    corrupt: false,
    width: 2,
    height: 1,
    arrivalMs: NOW_MS,
    byteLength: message.length,
    dataOffset: 3,
    dataBytes: bytes,
    copyTo(target, offset) {
      target.set(message, offset);
      return copies ? ref : undefined;
    },
  };
  return ref;
}

/** The request for a frame with this index. */
async function ask(index: number): Promise<FrameWait> {
  return await waitFor(`request ${index} for a frame`, 15_000, () => rest.cameras.get('yard').waits[index]);
}

describe('stream.mjpeg', () => {
  it('sends each frame as a part, and its boundary at once, so that a browser shows it', async () => {
    const viewer = new Viewer();
    (await ask(0)).settle(jpeg(7, 'a'));
    (await ask(1)).settle(jpeg(8, 'b', true, 3));
    await viewer.has('bbb\r\n--frame\r\n');
    const [head, ...body] = viewer.received.split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(head).toContain('Content-Type: multipart/x-mixed-replace; boundary=frame');
    expect(head).not.toMatch(/chunked/i);
    expect(body.join('\r\n\r\n')).toBe(
      '--frame\r\n' +
        `Content-Type: image/jpeg\r\nContent-Length: 5\r\nX-Timestamp: ${NOW_MS}\r\n\r\naaaaa\r\n--frame\r\n` +
        `Content-Type: image/jpeg\r\nContent-Length: 3\r\nX-Timestamp: ${NOW_MS}\r\n\r\nbbb\r\n--frame\r\n`,
    );
  });

  it('requests JPEGs of the camera’s own size, every frame after the last one that was sent', async () => {
    new Viewer();
    const first = await ask(0);
    expect(first.query).toMatchObject({
      after: 0,
      sinceLastMs: Infinity,
      options: {
        outputFormat: { format: 4, width: 0, height: 0, quality: 80, enlarge: false },
        keyframesOnly: false,
        intervalMs: 0,
        withholdCorrupt: false,
      },
    });
    first.settle(jpeg(7, 'a'));
    const second = await ask(1);
    expect(second.query.after).toBe(7);
    expect(second.query.sinceLastMs).toBeLessThan(5000);
  });

  it('accepts a rate and a width', async () => {
    new Viewer('?fps=5&width=320');
    expect((await ask(0)).query.options).toMatchObject({ outputFormat: { width: 320 }, intervalMs: 200 });
  });

  it.each([
    ['fps=0', 'fps: "0" is not allowed; allowed is one whole number from 1 to 60.'],
    ['fps=61', 'fps: "61"'],
    ['fps=2.5', 'fps: "2.5"'],
    ['fps=5&fps=6', 'fps: ["5","6"]'],
    ['width=15', 'width: "15" is not allowed; allowed is one whole number from 16 to 7680.'],
    ['width=abc', 'width: "abc"'],
  ])('refuses ?%s', async (query, says) => {
    const answer = await rest.get(`${STREAM}?${query}`);
    expect(answer.status).toBe(400);
    expect((answer.json() as { message: string }).message).toContain(says);
    expect(rest.cameras.get('yard').waits).toEqual([]);
  });

  it('of an unknown camera is 404', async () => {
    expect((await rest.get('/api/v1/process/nobody/stream.mjpeg')).status).toBe(404);
  });

  it('answers HEAD without requesting frames', async () => {
    const answer = await rest.send('HEAD', STREAM);
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toContain('multipart/x-mixed-replace');
    expect(rest.cameras.get('yard').waits).toEqual([]);
  });

  it('requests no frame until its client has accepted the last part', async () => {
    const viewer = new Viewer();
    const first = await ask(0);
    viewer.socket.pause();
    first.settle(jpeg(7, 'a', true, 50_000_000));
    await pause(300);
    expect(rest.cameras.get('yard').waits).toHaveLength(1);
    viewer.socket.resume();
    expect((await ask(1)).query.after).toBe(7);
  });

  it('requests another frame when one was overwritten before it was copied', async () => {
    const viewer = new Viewer();
    (await ask(0)).settle(jpeg(7, 'a', false));
    (await ask(1)).settle(jpeg(8, 'b'));
    await viewer.has('bbbbb');
    expect(viewer.received).not.toContain('aaaaa');
  });

  it('continues when the camera is back', async () => {
    const viewer = new Viewer();
    (await ask(0)).settle(undefined);
    (await ask(1)).settle(undefined);
    (await ask(2)).settle(jpeg(7, 'a'));
    await viewer.has('aaaaa');
  });

  it('ends its request when its client disconnects', async () => {
    const viewer = new Viewer();
    const wait = await ask(0);
    await viewer.has('--frame');
    viewer.leave();
    await waitFor('the request to be ended', 15_000, () => wait.ended);
    expect(rest.cameras.get('yard').waits).toHaveLength(1);
  });

  it.each([
    ['removed', () => undefined],
    [
      'removed and added again',
      () => rest.post('/api/v1/process', { name: 'yard', rtsp_endpoint: 'rtsp://10.0.0.1/live' }),
    ],
  ])('ends when the camera is %s', async (_what, then) => {
    const viewer = new Viewer();
    const wait = await ask(0);
    await rest.send('DELETE', '/api/v1/process/yard');
    await then();
    wait.settle(undefined);
    await waitFor('the connection to be closed', 15_000, () => viewer.closed);
  });

  it('ends when the proxy stops', async () => {
    const viewer = new Viewer();
    const wait = await ask(0);
    stop.abort();
    await waitFor('the connection to be closed', 15_000, () => viewer.closed);
    expect(wait.ended).toBe(true);
  });

  it('is refused with 429 when the camera has no output left, and when too many streams are open', async () => {
    const { frames } = rest.cameras.get('yard');
    const request = frames.request.bind(frames);
    frames.request = () => {
      throw new ChrysError('resource_exhausted', 'too many looks');
    };
    expect((await rest.get(STREAM)).json()).toEqual({ code: 429, message: 'too many looks' });
    frames.request = request;
    for (let index = 0; index < MAX_STREAMS; index += 1) {
      new Viewer();
      await ask(index);
    }
    const refused = await rest.get(STREAM);
    expect(refused.status).toBe(429);
    expect(refused.text).toContain('64 live streams are open');
    viewers[0]?.leave();
    await waitFor('a place to be free', 15_000, () => rest.cameras.get('yard').waits[0]?.ended);
    new Viewer();
    await ask(MAX_STREAMS);
  });
});
