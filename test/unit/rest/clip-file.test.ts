import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { VideoFrame } from '../../../src/gen/chrys/cloud/videostreaming/v1beta1/video_streaming.js';
import type { ClipQuery, HistoryQuery } from '../../../src/history/queries.js';
import { pause, waitFor } from '../../support/wait.js';
import { fakeSegment } from '../recording/recordings-fixture.js';
import { startRest, type RestFixture } from './fixture.js';

const YARD = '/api/v1/process/yard';
const CLIP = `${YARD}/clip.mp4`;
const BOUND_MS = 15_000;

let rest: RestFixture;
const sockets: Socket[] = [];
beforeEach(async () => {
  rest = await startRest();
  await rest.post('/api/v1/process', { name: 'yard', rtsp_endpoint: 'rtsp://10.0.0.1/live' });
  rest.recordings.segments.push(fakeSegment(1, 10_000), fakeSegment(2, 11_000));
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await rest.close();
});

/** A client that can stop reading, or disconnect. */
function openConnection(): { readonly socket: Socket; received(): number; readonly closed: () => boolean } {
  const socket = connect(rest.port, '127.0.0.1');
  sockets.push(socket);
  let bytes = 0;
  let closed = false;
  socket.on('data', (chunk: Buffer) => (bytes += chunk.length));
  socket.on('close', () => (closed = true));
  socket.on('error', () => undefined);
  socket.write(`GET ${CLIP}?from=10000&to=12000 HTTP/1.1\r\nHost: x\r\n\r\n`);
  return { socket, received: () => bytes, closed: () => closed };
}

const opened = () => waitFor('the clip to be opened', BOUND_MS, () => rest.history.opened[0]);

describe('clip.mp4', () => {
  it('has the chunks, one after another', async () => {
    rest.history.answers = [Buffer.from('first '), Buffer.from('second, which is longer, '), Buffer.from('third')];
    const answer = await rest.get(`${CLIP}?from=10000&to=12000`);
    expect(answer.status).toBe(200);
    expect(answer.text).toBe('first second, which is longer, third');
    expect(answer.headers).toMatchObject({
      'content-type': 'video/mp4',
      'accept-ranges': 'none',
      'content-disposition': 'inline; filename="yard_10000_12000.mp4"',
    });
    const [past] = rest.history.opened;
    expect(past?.query).toMatchObject({ camera: 'yard', fromUs: 10_000_000, toUs: 12_000_999 });
    expect((past?.query as ClipQuery).packets).toBe(rest.cameras.get('yard').packets);
    await waitFor('it to be closed', BOUND_MS, () => past?.closed);
  });

  it('is saved under the requested name', async () => {
    rest.history.answers = [Buffer.from('mp4')];
    const answer = await rest.get(`${CLIP}?from=10000&to=12000&download=my%20clip.mp4`);
    expect(answer.headers['content-disposition']).toBe('attachment; filename="my clip.mp4"');
  });

  it('answers HEAD without sending it', async () => {
    rest.history.answers = [Buffer.from('mp4')];
    const answer = await rest.send('HEAD', `${CLIP}?from=10000&to=12000`);
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('video/mp4');
    expect(answer.bytes).toHaveLength(0);
    await waitFor('it to be closed', BOUND_MS, () => rest.history.opened[0]?.closed);
  });

  it.each([
    ['', 'from is missing'],
    ['from=1000', 'to is missing'],
    ['from=0&to=5', 'from: "0" is not allowed; allowed is one whole number from 1'],
    ['from=2000&to=2000', 'from (2000) must be earlier than to (2000)'],
    ['from=1&to=86400002', 'more than 24 hours apart'],
    ['from=1000&to=2000&download=../x.mp4', 'download: "../x.mp4" is not allowed'],
    ['from=1000&to=2000&download=x.exe', 'ends with .mp4'],
    ['from=1000&to=2000&download=a&download=b', 'download: ["a","b"]'],
  ])('refuses ?%s', async (query, says) => {
    const answer = await rest.get(`${CLIP}?${query}`);
    expect(answer.status).toBe(400);
    expect((answer.json() as { message: string }).message).toContain(says);
    expect(rest.history.opened).toEqual([]);
  });

  it('of a range without recording is 404, and the message names the nearest span', async () => {
    rest.history.answers = [];
    const answer = await rest.get(`${CLIP}?from=20000&to=30000`);
    expect(answer.status).toBe(404);
    expect((answer.json() as { message: string }).message).toContain(
      'There is nothing of camera "yard" between 20000 (1970-01-01T00:00:20.000Z) and 30000 ' +
        '(1970-01-01T00:00:30.000Z): the nearest span begins at 10000 (1970-01-01T00:00:10.000Z) and ends at ' +
        '12000',
    );
  });

  it('answers the error of the history when nothing has been sent yet', async () => {
    rest.history.answers = [new Error('on fire')];
    expect((await rest.get(`${CLIP}?from=10000&to=12000`)).status).toBe(500);
  });

  it('cuts the connection when it fails later, so that the client notices', async () => {
    rest.history.answers = [Buffer.from('first'), new Error('the disk is gone')];
    await expect(rest.get(`${CLIP}?from=10000&to=12000`)).rejects.toThrow();
    expect(rest.logLines.join('')).toContain('A clip was cut off: the disk is gone');
  });

  it('reads no further chunk while its client accepts no data', async () => {
    const client = openConnection();
    const past = await opened();
    client.socket.pause();
    const big = Buffer.alloc(50_000_000);
    await waitFor('the first chunk to be asked for', BOUND_MS, () => past.give(big));
    await pause(300);
    expect(past.asked).toBe(1);
    client.socket.resume();
    await waitFor('the next one to be asked for', BOUND_MS, () => past.asked === 2);
    await waitFor('all of it to arrive', BOUND_MS, () => client.received() > big.length);
  });

  it('closes its reader when the client disconnects, before the first chunk and after it', async () => {
    const early = openConnection();
    const past = await opened();
    early.socket.destroy();
    await waitFor('it to be closed', BOUND_MS, () => past.closed);

    const late = openConnection();
    const other = await waitFor('the second one', BOUND_MS, () => rest.history.opened[1]);
    await waitFor('a chunk to be asked for', BOUND_MS, () => other.give(Buffer.from('first')));
    await waitFor('it to arrive', BOUND_MS, () => late.received() > 0);
    late.socket.destroy();
    await waitFor('it to be closed', BOUND_MS, () => other.closed);
  });

  it('of a camera that was removed comes from disk only', async () => {
    await rest.send('DELETE', YARD);
    rest.history.answers = [Buffer.from('mp4')];
    expect((await rest.get(`${CLIP}?from=10000&to=12000`)).text).toBe('mp4');
    expect((rest.history.opened[0]?.query as ClipQuery).packets).toBeUndefined();
    rest.recordings.segments.length = 0;
    expect((await rest.get(`${CLIP}?from=10000&to=12000`)).status).toBe(404);
  });

  it('of a kept clip has the range of the clip, and a safe file name', async () => {
    await rest.post(`${YARD}/clips`, { name: 'Zustellung: "Päckchen"', from: 10_200, to: 11_700 });
    rest.history.answers = [Buffer.from('mp4')];
    const answer = await rest.get(`${YARD}/clips/1/clip.mp4`);
    expect(answer.text).toBe('mp4');
    expect(answer.headers['content-disposition']).toBe('inline; filename="yard_Zustellung_P_ckchen_.mp4"');
    expect(rest.history.opened[0]?.query).toMatchObject({ fromUs: 10_200_000, toUs: 11_700_999 });
    expect((await rest.get(`${YARD}/clips/2/clip.mp4`)).status).toBe(404);
  });
});

describe('snapshot.jpg with at', () => {
  const SNAPSHOT = `${YARD}/snapshot.jpg`;
  const frame = (timestamp: number): Uint8Array =>
    VideoFrame.encode(VideoFrame.create({ data: Buffer.from('a jpeg'), frameId: 42, timestamp })).finish();

  it('is the nearest frame, with its frame id and time', async () => {
    rest.history.answers = [frame(10_040)];
    const answer = await rest.get(`${SNAPSHOT}?at=10050&width=320&quality=70`);
    expect(answer.status).toBe(200);
    expect(answer.text).toBe('a jpeg');
    expect(answer.headers).toMatchObject({
      'content-type': 'image/jpeg',
      'content-length': '6',
      'x-frame-id': '42',
      'x-timestamp': '10040',
    });
    const [past] = rest.history.opened;
    expect(past?.query).toMatchObject({
      camera: rest.cameras.get('yard'),
      nearestUs: 10_050_000,
      keyframesOnly: false,
    });
    expect((past?.query as HistoryQuery).formatOf({ width: 640, height: 480 })).toEqual({
      format: 4,
      width: 320,
      height: 0,
      quality: 70,
      enlarge: false,
    });
    expect(past?.closed).toBe(true);
  });

  it('can be limited to keyframes', async () => {
    rest.history.answers = [frame(10_000)];
    expect((await rest.get(`${SNAPSHOT}?at=10500&keyframe=true`)).status).toBe(200);
    expect(rest.history.opened[0]?.query).toMatchObject({ keyframesOnly: true });
  });

  it.each([
    ['at=0', 'at: "0" is not allowed; allowed is one whole number from 1'],
    ['at=now', 'at: "now"'],
    ['at=10000&width=8', 'width: "8"'],
    ['at=10000&quality=101', 'quality: "101" is not allowed; allowed is one whole number from 1 to 100'],
  ])('refuses ?%s', async (query, says) => {
    const answer = await rest.get(`${SNAPSHOT}?${query}`);
    expect(answer.status).toBe(400);
    expect((answer.json() as { message: string }).message).toContain(says);
  });

  it('is 404 when there is no frame, or only one that is too far away', async () => {
    rest.history.answers = [];
    expect((await rest.get(`${SNAPSHOT}?at=10000`)).status).toBe(404);
    rest.history.answers = [frame(70_001)];
    const answer = await rest.get(`${SNAPSHOT}?at=10000`);
    expect(answer.status).toBe(404);
    expect(answer.text).toContain('the nearest is from 70001 (1970-01-01T00:01:10.001Z)');
  });

  it('of a camera that was removed comes from its recordings', async () => {
    await rest.send('DELETE', YARD);
    rest.history.answers = [frame(10_000)];
    expect((await rest.get(`${SNAPSHOT}?at=10000`)).status).toBe(200);
    expect((await rest.get(SNAPSHOT)).status).toBe(404);
  });
});
