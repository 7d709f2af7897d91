import { Server, ServerCredentials, status, type ServerWritableStream } from '@grpc/grpc-js';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ImageService,
  VideoFrame,
  VideoProbeResponse,
  type VideoFrameBufferedRequest,
} from '../../../src/gen/chrys/cloud/videostreaming/v1beta1/video_streaming.js';
import { fakeIo, runCli, type CliOptions, type CliResult } from './fixture.js';
import { ProgressBar } from '../../../src/cli/progress.js';
import { waitFor } from '../../support/wait.js';
import { NOW_MS, startRest, type RestFixture } from '../rest/fixture.js';

type HistoryCall = ServerWritableStream<VideoFrameBufferedRequest, VideoFrame>;

let rest: RestFixture;
let grpc: Server;
let grpcPort: number;
let folder: string;
/** Answers a call of VideoBufferedImage. */
let answer: (call: HistoryCall) => void;
const requests: VideoFrameBufferedRequest[] = [];

beforeEach(async () => {
  requests.length = 0;
  grpc = new Server();
  grpc.addService(ImageService, {
    systemTime: (_call: unknown, done: (error: null, answer: object) => void) => {
      done(null, { currentTime: NOW_MS });
    },
    videoProbe: (
      { request }: { request: { deviceId: string } },
      done: (error: object | null, answer?: object) => void,
    ) => {
      if (request.deviceId !== 'yard') done({ code: status.NOT_FOUND, details: 'There is no camera "nobody".' });
      else
        done(null, VideoProbeResponse.create({ buffer: { startTime: NOW_MS - 10_000, endTime: NOW_MS, frames: 250 } }));
    },
    videoBufferedImage: (call: HistoryCall) => {
      requests.push(call.request);
      answer(call);
    },
  });
  grpcPort = await new Promise((resolve, reject) => {
    grpc.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(error);
    });
  });
  rest = await startRest({ grpcPort: () => grpcPort });
  folder = mkdtempSync(join(tmpdir(), 'chrysproxy-frames-'));
  answer = (call) => {
    for (const [index, atMs] of [-2000, -1000, -1000, 0].entries()) {
      call.write(frame(index + 9, NOW_MS + atMs, index === 3 ? 1000 : 0));
    }
    call.end();
  };
});
afterEach(async () => {
  grpc.forceShutdown();
  await rest.close();
  rmSync(folder, { recursive: true });
});

function frame(frameId: number, timestamp: number, gapMs = 0): VideoFrame {
  return VideoFrame.create({ frameId, timestamp, gapMs, data: Buffer.from(`jpeg ${frameId}`) });
}

const frames = (args: readonly string[], options: CliOptions = {}): Promise<CliResult> =>
  runCli(rest.port, ['frames', 'yard', '--out', folder, ...args], options);

describe('frames', () => {
  it('names each file after the time and id of its frame, and leaves no incomplete file', async () => {
    const result = await frames([]);
    expect(result).toEqual({
      exitCode: 0,
      out:
        'yard: 4 frames, 0.0 kB, 2026-01-02T03:04:03.000Z to 2026-01-02T03:04:05.000Z; ' +
        `1 gaps, 1000 ms of the range were lost. They are in ${folder}\n`,
      err: '',
    });
    expect(readdirSync(folder).sort()).toEqual([
      '20260102T030403.000Z_0000000009.jpg',
      '20260102T030404.000Z_0000000010.jpg',
      '20260102T030404.000Z_0000000011.jpg',
      '20260102T030405.000Z_0000000012.jpg',
    ]);
    expect(readFileSync(join(folder, '20260102T030405.000Z_0000000012.jpg'), 'utf8')).toBe('jpeg 12');
  });

  it('requests the whole history as JPEG by default', async () => {
    await frames([]);
    expect(requests).toMatchObject([
      { deviceId: 'yard', timestampFrom: 0, timestampTo: NOW_MS, format: 4, width: 0, intervalMs: 0, quality: 0 },
    ]);
  });

  it('passes on range, interval and output format, and resolves times with the clock of the proxy', async () => {
    const more = ['--every', '500ms', '--width', '640', '--quality', '70'];
    await frames(['--from', '-30s', '--to', '2026-01-02T03:04:00Z', ...more]);
    await frames(['--keyframes']);
    expect(requests).toMatchObject([
      { timestampFrom: NOW_MS - 30_000, timestampTo: NOW_MS - 5000, intervalMs: 500, width: 640, quality: 70 },
      { keyFrameOnly: true },
    ]);
  });

  it('creates the folder', async () => {
    const inner = join(folder, 'a/b');
    expect(await frames(['--out', inner])).toMatchObject({ exitCode: 0 });
    expect(readdirSync(inner)).toHaveLength(4);
  });

  it('prints what it saved as JSON', async () => {
    const { out } = await frames(['--json']);
    expect(JSON.parse(out)).toEqual({
      camera: 'yard',
      folder,
      frames: 4,
      bytes: 27,
      first: NOW_MS - 2000,
      last: NOW_MS,
      gaps: 1,
      gap_ms: 1000,
      complete: true,
    });
  });

  it('shows a progress bar on a terminal', async () => {
    const { err } = await frames([], { messagesOnTerminal: true });
    expect(err).toMatch(/\[#+\.*\] +\d+ % \d+ frames/);
    expect(err.endsWith('\r\u001b[K')).toBe(true);
  });

  it('connects to the gRPC address of --grpc', async () => {
    await rest.close();
    expect(await frames(['--grpc', `127.0.0.1:${grpcPort}`])).toMatchObject({ exitCode: 0 });
  });

  it('stops at Ctrl-C, keeps complete files, and ends with 1', async () => {
    const stop = new AbortController();
    let cancelled = false;
    answer = (call) => {
      call.write(frame(1, NOW_MS - 1000));
      call.on('cancelled', () => (cancelled = true));
    };
    const running = frames([], { interrupted: stop.signal });
    await waitFor('the first file', 15_000, () => readdirSync(folder).some((name) => name.endsWith('.jpg')));
    stop.abort();
    const { exitCode, err } = await running;
    expect(exitCode).toBe(1);
    expect(err).toContain('Stopped before the end: 1 frames are saved.');
    await waitFor('the server to notice', 15_000, () => cancelled);
    expect(readdirSync(folder)).toHaveLength(1);
  });

  it('prints the range in memory when the requested range is empty', async () => {
    answer = (call) => call.end();
    const { exitCode, err } = await frames(['--from', '2025-01-01T00:00:00Z', '--to', '2025-01-01T00:00:10Z']);
    expect(exitCode).toBe(1);
    expect(err).toContain(
      'There are no frames of "yard" between 2025-01-01T00:00:00.000Z and 2025-01-01T00:00:10.000Z',
    );
    expect(err).toContain('the proxy has frames from 2026-01-02T03:03:55.000Z to 2026-01-02T03:04:05.000Z');
  });

  it('passes on errors of the proxy', async () => {
    answer = (call) => call.emit('error', { code: status.INVALID_ARGUMENT, details: 'The width is odd.' });
    expect(await frames([])).toMatchObject({ exitCode: 2, err: 'chrysproxy: The width is odd.\n' });
    const nobody = await runCli(rest.port, ['frames', 'nobody', '--out', folder]);
    expect(nobody).toMatchObject({ exitCode: 4, err: 'chrysproxy: There is no camera "nobody".\n' });
  });

  it('names the file that cannot be written, and leaves no incomplete file', async () => {
    writeFileSync(join(folder, 'file'), '');
    const outcome = await frames(['--out', join(folder, 'file/inside')]);
    expect(outcome).toMatchObject({ exitCode: 1, err: expect.stringContaining('file/inside cannot be written') });
  });

  it('ends with 3 where no gRPC server, or no chrysproxy, answers', async () => {
    for (const address of ['127.0.0.1:1', `127.0.0.1:${rest.port}`]) {
      const outcome = await frames(['--grpc', address]);
      expect(outcome).toMatchObject({ exitCode: 3, out: '' });
      expect(outcome.err).toContain(`No gRPC of chrysproxy answers at ${address}`);
      expect(outcome.err).toContain('--grpc');
    }
  });

  it.each([
    [['--from', 'yesterday'], 'milliseconds since the epoch'],
    [['--from', 'now', '--to', '-5s'], 'is later than --to'],
    [['--every', '0s'], 'at least 1ms'],
    [['--every', '5'], '30s, 5m'],
    [['--every', '1s', '--keyframes'], 'exclude each other'],
    [['--width', 'wide'], 'whole number'],
  ])('ends with 2 for %j', async (args, expected) => {
    expect(await frames(args)).toMatchObject({ exitCode: 2, out: '', err: expect.stringContaining(expected) });
  });

  it('requires a folder', async () => {
    const outcome = await runCli(rest.port, ['frames', 'yard']);
    expect(outcome).toMatchObject({ exitCode: 2, err: expect.stringContaining('--out') });
  });
});

describe('the progress bar', () => {
  it('is updated at most ten times a second', () => {
    const io = fakeIo({ messagesOnTerminal: true });
    let nowMs = 0;
    const bar = new ProgressBar(io, () => nowMs);
    bar.show(0.5, 'half');
    nowMs = 50;
    bar.show(0.6, 'not shown');
    nowMs = 100;
    bar.show(2, 'all');
    bar.clear();
    bar.clear();
    expect(io.written.err).toBe(
      `\r\u001b[K[${'#'.repeat(15)}${'.'.repeat(15)}]  50 % half\r\u001b[K[${'#'.repeat(30)}] 100 % all\r\u001b[K`,
    );
  });
});
