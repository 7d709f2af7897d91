import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ChrysError } from '../../../src/base/errors.js';
import { version } from '../../../src/base/version.js';
import { runCli, type CliOptions, type CliResult } from './fixture.js';
import { fakeFrame, NOW_MS, startRest, type RestFixture } from '../rest/fixture.js';

const URL_WITH_PASSWORD = 'rtsp://admin:geheim@cam/1';

let rest: RestFixture;
let folder: string;
beforeEach(async () => {
  rest = await startRest();
  folder = mkdtempSync(join(tmpdir(), 'chrysproxy-cli-'));
});
afterEach(async () => {
  await rest.close();
  rmSync(folder, { recursive: true });
});

/** Runs a command against the fake proxy. */
const chrysproxy = (args: readonly string[], options: CliOptions = {}): Promise<CliResult> =>
  runCli(rest.port, args, options);

describe('camera add', () => {
  it('passes on all options', async () => {
    const given = ['--transport', 'udp', '--rtmp', 'rtmp://cloud/live/key', '--open-timeout-ms', '1000'];
    const more = [
      '--stall-timeout-ms',
      '2000',
      '--decoder-threads',
      '2',
      '--tls-verify',
      'none',
      '--max-pixels',
      '5000',
    ];
    const result = await chrysproxy(['camera', 'add', 'yard', URL_WITH_PASSWORD, ...given, ...more]);
    expect(result).toEqual({
      exitCode: 0,
      out: 'Camera "yard" is added. Show its state with: node bin/chrysproxy.js camera show yard\n',
      err: '',
    });
    expect(rest.cameras.get('yard').definition).toMatchObject({
      rtspEndpoint: URL_WITH_PASSWORD,
      rtmpEndpoint: 'rtmp://cloud/live/key',
      transport: 'udp',
      tlsVerify: 'none',
      maxPixels: 5000,
      openTimeoutMs: 1000,
      stallTimeoutMs: 2000,
      decoderThreads: 2,
    });
  });

  it('reads the URL from standard input', async () => {
    const result = await chrysproxy(['camera', 'add', 'yard', '-'], { input: ` ${URL_WITH_PASSWORD} ` });
    expect(result.exitCode).toBe(0);
    expect(rest.cameras.get('yard').definition.rtspEndpoint).toBe(URL_WITH_PASSWORD);
  });

  it.each([
    [[], '', 'replay of yard'],
    [['--speed', '2x'], '&speed=2', 'replay of yard, 2x'],
    [['--speed', '0.5', '--loop'], '&speed=0.5&loop=true', 'replay of yard, 0.5x, loop'],
  ])('adds a replay: %j', async (manner, query, shown) => {
    const range = ['--from', '-2h', '--to', '-1h'];
    const { exitCode, err } = await chrysproxy(['camera', 'add', 'lab', '--replay', 'yard', ...range, ...manner]);
    expect([exitCode, err]).toEqual([0, '']);
    const [from, to] = [NOW_MS - 7_200_000, NOW_MS - 3_600_000];
    expect(rest.cameras.get('lab').definition.rtspEndpoint).toBe(`replay:yard?from=${from}&to=${to}${query}`);
    expect((await chrysproxy(['camera', 'list'])).out.split('\n')[1]?.trimEnd()).toMatch(new RegExp(`${shown}$`));
    expect((await chrysproxy(['camera', 'show', 'lab'])).out).toContain('replay of yard from ');
  });

  it('fails when standard input is empty', async () => {
    const result = await chrysproxy(['camera', 'add', 'yard', '-']);
    expect(result).toMatchObject({ exitCode: 2, err: expect.stringContaining('Standard input is empty') });
  });

  it('ends with 5 for a name that is taken', async () => {
    await chrysproxy(['camera', 'add', 'yard', URL_WITH_PASSWORD]);
    const result = await chrysproxy(['camera', 'add', 'yard', URL_WITH_PASSWORD]);
    expect(result).toEqual({ exitCode: 5, out: '', err: 'chrysproxy: There is already a camera "yard".\n' });
  });

  it.each([
    [['camera', 'add', '<b>', URL_WITH_PASSWORD], 'A-Z a-z 0-9'],
    [['camera', 'add', 'yard', URL_WITH_PASSWORD, '--transport', 'sctp'], 'tcp, udp'],
    [['camera', 'add', 'yard', URL_WITH_PASSWORD, '--open-timeout-ms', '1s'], 'whole number'],
    [['camera', 'add', 'yard'], 'a URL, or --replay CAMERA'],
    [['camera', 'add', 'yard', URL_WITH_PASSWORD, '--loop'], '--loop is only for a replay'],
    [
      ['camera', 'add', 'yard', URL_WITH_PASSWORD, '--replay', 'a', '--from', '-2h', '--to', '-1h'],
      'exclude each other',
    ],
    [['camera', 'add', 'yard', '--replay', 'a', '--from', '-2h'], '--from and --to'],
    [['camera', 'add', 'yard', '--replay', 'a', '--from', '-1h', '--to', '-2h'], 'is not before'],
    [['camera', 'add', 'yard', '--replay', 'a', '--from', '-2d', '--to', '-1h'], '24 hours'],
    [['camera', 'add', 'yard', '--replay', 'a', '--from', '-2h', '--to', '-1h', '--speed', 'fast'], '2x or 0.5'],
    [['camera', 'add', 'yard', '--replay', 'a', '--from', '-2h', '--to', '-1h', '--speed', '99x'], 'replay: speed'],
    [['camera', 'add', 'yard', URL_WITH_PASSWORD, '--trasport', 'tcp'], 'Did you mean --transport?'],
  ])('ends with 2 for %j', async (args, message) => {
    const result = await chrysproxy(args);
    expect(result).toMatchObject({ exitCode: 2, out: '', err: expect.stringContaining(message) });
    expect(result.err).not.toContain('geheim');
  });
});

describe('camera list', () => {
  it('has a line for each camera, aligned, without passwords', async () => {
    await chrysproxy(['camera', 'add', 'a', URL_WITH_PASSWORD]);
    await chrysproxy(['camera', 'add', 'longer-name', URL_WITH_PASSWORD]);
    rest.cameras.get('a').state = {
      phase: 'reconnecting',
      sinceMs: 1,
      message: 'it is \x1b[31mgone',
      failingStreak: 2,
    };
    const { out } = await chrysproxy(['camera', 'list']);
    expect(out).toBe(
      'NAME         STATE         CODEC  SIZE  FPS  SOURCE                  MESSAGE\n' +
        'a            reconnecting  -      -     25   rtsp://admin:***@cam/1  it is ?[31mgone\n' +
        'longer-name  created       -      -     25   rtsp://admin:***@cam/1\n',
    );
  });

  it('prints how to add a camera when there is none', async () => {
    const { out } = await chrysproxy(['camera', 'list']);
    expect(out).toBe('There is no camera yet. Add one with: node bin/chrysproxy.js camera add NAME URL\n');
  });

  it('prints the answer of REST with --json', async () => {
    await chrysproxy(['camera', 'add', 'a', URL_WITH_PASSWORD]);
    const { out } = await chrysproxy(['camera', 'list', '--json']);
    expect(JSON.parse(out)).toEqual((await rest.get('/api/v1/processlist')).json());
  });
});

describe('camera show', () => {
  it('prints the state, and the log with --log', async () => {
    await chrysproxy(['camera', 'add', 'yard', URL_WITH_PASSWORD]);
    const camera = rest.cameras.get('yard');
    camera.state = {
      phase: 'reconnecting',
      sinceMs: NOW_MS,
      message: 'Nothing listens there.',
      failingStreak: 1,
      nextAttemptMs: NOW_MS + 1000,
    };
    camera.log.push(
      { timeMs: NOW_MS + 1, level: 'warn', text: 'second' },
      { timeMs: NOW_MS, level: 'info', text: 'first' },
    );
    const { out } = await chrysproxy(['camera', 'show', 'yard', '--log']);
    expect(out).toContain('Source:             rtsp://admin:***@cam/1\n');
    expect(out).toContain('State:              reconnecting since 2026-01-02T03:04:05.000Z\n');
    expect(out).toContain('Message:            Nothing listens there.\n');
    expect(out).toContain('Next attempt:       2026-01-02T03:04:06.000Z\n');
    expect(out.indexOf('info first')).toBeGreaterThan(0);
    expect(out.indexOf('info first')).toBeLessThan(out.indexOf('warn second'));
    expect((await chrysproxy(['camera', 'show', 'yard'])).out).not.toContain('first');
  });

  it('ends with 4 for an unknown camera', async () => {
    expect(await chrysproxy(['camera', 'show', 'yard'])).toMatchObject({ exitCode: 4, out: '' });
  });
});

describe('camera show of a camera with learned facts', () => {
  it('prints them, and the stall limit', async () => {
    await chrysproxy(['camera', 'add', 'yard', 'rtsps://admin:geheim@cam/1']);
    const camera = rest.cameras.get('yard');
    camera.learned = {
      ...{ transport: 'udp', keepalive: 'OPTIONS', authentication: '', certificate: 'ab'.repeat(32) },
      ...{ withoutReceiverReports: true, marksEverySlice: false, sequenceUnreliable: false },
      ...{ jpegWidth: 0, jpegHeight: 0, usualGapMs: 4000, session: 'session-4711', sessionUrl: '' },
      ...{ silentTcpSessions: 0, endedAfterMs: 0 },
    };
    Object.assign(camera.stats, { stallLimitMs: 12_000, packetsDamaged: 3 });
    const { out } = await chrysproxy(['camera', 'show', 'yard']);
    expect(out).toContain('TLS:                pin\n');
    expect(out).toContain('transport udp, keepalive OPTIONS, usual gap 4000 ms, no receiver reports, certificate abab');
    expect(out).toContain('Stall limit:        12 s without a picture\n');
    expect(out).toContain('1 of them keyframes, 3 damaged');
    expect(out).not.toContain('4711');
  });
});

describe('camera retry', () => {
  it('makes the proxy connect at once', async () => {
    await chrysproxy(['camera', 'add', 'yard', URL_WITH_PASSWORD]);
    expect(await chrysproxy(['camera', 'retry', 'yard'])).toEqual({
      exitCode: 0,
      out: 'Camera "yard" is created.\n',
      err: '',
    });
    await chrysproxy(['camera', 'retry', 'yard', '--forget']);
    expect(rest.cameras.retried).toEqual(['yard', 'yard forget']);
    expect(await chrysproxy(['camera', 'retry', 'nobody'])).toMatchObject({ exitCode: 4 });
  });
});

describe('probe', () => {
  it('uses the running proxy', async () => {
    const { exitCode, out, err } = await chrysproxy(['probe', URL_WITH_PASSWORD, '--timeout', '2s', '--json']);
    expect([exitCode, err]).toEqual([0, '']);
    expect(JSON.parse(out)).toMatchObject({ codec: 'h264', pixelFormat: 'yuv420p', gopPackets: 50, openMs: 12 });
    expect(JSON.parse(out)).not.toHaveProperty('camera');
    expect(rest.cameras.probed).toMatchObject([
      { url: URL_WITH_PASSWORD, wish: { transport: 'auto', tlsVerify: 'pin', timeoutMs: 2000 } },
    ]);
  });

  it('passes on the error of the proxy', async () => {
    rest.cameras.probeError = new ChrysError('not_found', 'The camera has no such stream.');
    const result = await chrysproxy(['probe', URL_WITH_PASSWORD]);
    expect(result).toMatchObject({ exitCode: 4, err: expect.stringContaining('no such stream') as string });
  });

  it('of a file never uses the proxy, which may run on another machine', async () => {
    const result = await chrysproxy(['probe', 'file:/no/such/clip.mp4']);
    expect(result).toMatchObject({ exitCode: 2, err: expect.stringContaining('no such file') as string });
    expect(rest.cameras.probed).toEqual([]);
  });
});

describe('camera remove', () => {
  it('removes a camera, and ends with 4 when it is removed already', async () => {
    await chrysproxy(['camera', 'add', 'yard', URL_WITH_PASSWORD]);
    expect(await chrysproxy(['camera', 'remove', 'yard'])).toMatchObject({
      exitCode: 0,
      out: 'Camera "yard" is removed.\n',
    });
    expect(await chrysproxy(['camera', 'remove', 'yard'])).toMatchObject({ exitCode: 4, out: '' });
  });
});

describe('snapshot', () => {
  beforeEach(async () => {
    await chrysproxy(['camera', 'add', 'yard', URL_WITH_PASSWORD]);
    rest.cameras.get('yard').pictures.push(fakeFrame());
  });

  it('writes the picture to the file', async () => {
    const file = join(folder, 'yard.jpg');
    const result = await chrysproxy(['snapshot', 'yard', file, '--width', '320']);
    expect(result).toEqual({ exitCode: 0, out: `${file}: 6 bytes\n`, err: '' });
    expect(readFileSync(file, 'utf8')).toBe('a jpeg');
    expect(rest.encoded[0]?.outWidth).toBe(320);
  });

  it('writes only the picture to standard output for -', async () => {
    expect(await chrysproxy(['snapshot', 'yard', '-'])).toEqual({ exitCode: 0, out: 'a jpeg', err: '' });
  });

  it('names the file that cannot be written', async () => {
    const result = await chrysproxy(['snapshot', 'yard', '/dev/null/x.jpg']);
    expect(result).toMatchObject({ exitCode: 1, err: expect.stringContaining('/dev/null/x.jpg cannot be written') });
  });

  it('prints why there is no picture', async () => {
    rest.cameras.get('yard').pictures.pop();
    const result = await chrysproxy(['snapshot', 'yard', join(folder, 'x.jpg')]);
    expect(result).toMatchObject({ exitCode: 1, err: expect.stringContaining('"yard" is not connected') });
  });

  it('refuses a width that is not a number', async () => {
    const result = await chrysproxy(['snapshot', 'yard', join(folder, 'x.jpg'), '--width', 'wide&a=b']);
    expect(result).toMatchObject({ exitCode: 2, err: expect.stringContaining('wide&a=b') });
  });
});

describe('without a proxy', () => {
  it('ends with 3 and prints how to start one', async () => {
    await rest.close();
    const result = await chrysproxy(['camera', 'list']);
    expect(result).toMatchObject({ exitCode: 3, out: '' });
    expect(result.err).toContain(`No proxy answers at http://127.0.0.1:${rest.port}`);
    expect(result.err).toContain('chrysproxy start');
  });

  it('ends with 3 when another program answers', async () => {
    const other = createServer((_req, res) => res.writeHead(200).end('<html>a printer</html>'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    const result = await chrysproxy(['camera', 'list', '--url', url]);
    other.close();
    expect(result).toMatchObject({
      exitCode: 3,
      err: expect.stringContaining(`The program at ${url} is not chrysproxy`),
    });
  });

  it('ends with 3 when the answer is not HTTP', async () => {
    const other = createTcpServer((socket) => socket.end('SSH-2.0-OpenSSH\r\n'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    const result = await chrysproxy(['camera', 'list', '--url', url]);
    other.close();
    expect(result).toMatchObject({ exitCode: 3, err: expect.stringContaining(`No proxy answers at ${url}`) });
  });

  it('refuses an invalid address', async () => {
    const result = await chrysproxy(['camera', 'list', '--url', 'localhost:8080']);
    expect(result).toMatchObject({ exitCode: 2, err: expect.stringContaining('http://127.0.0.1:8080') });
  });
});

describe('config check', () => {
  it('accepts the defaults', async () => {
    const result = await chrysproxy(['config', 'check', '--data-dir', folder]);
    expect(result).toMatchObject({ exitCode: 0, out: expect.stringContaining('nothing is wrong'), err: '' });
  });

  it('ends with 2 and lists every problem', async () => {
    const file = join(folder, 'conf.yaml');
    writeFileSync(file, 'prot: 1\nmode: fast\n');
    const result = await chrysproxy(['config', 'check', '--data-dir', folder]);
    expect(result).toMatchObject({ exitCode: 2, out: '' });
    expect(result.err).toContain(`${file} line 1: prot is not a known key. Did you mean "port"?`);
    expect(result.err).toContain(`${file} line 2: mode: "fast" is not allowed`);
  });

  it('reads the file of --config or CHRYSPROXY_CONFIG, and prints warnings', async () => {
    const file = join(folder, 'mine.yaml');
    writeFileSync(file, 'host: 0.0.0.0\n');
    for (const [args, env] of [
      [['--config', file], {}],
      [[], { CHRYSPROXY_CONFIG: file }],
    ] as const) {
      const result = await chrysproxy(['config', 'check', '--data-dir', folder, ...args], { env });
      expect(result.out).toContain(`${file}: nothing is wrong.\nWarning: host is 0.0.0.0`);
    }
  });

  it('prints the configuration in use without secrets', async () => {
    const env = { CHRYSPROXY_REDIS_PASSWORD: 'geheim', CHRYSPROXY_PORT: '81' };
    const { out } = await chrysproxy(['config', 'check', '--data-dir', folder, '--json'], { env });
    expect(JSON.parse(out)).toMatchObject({ file: null, config: { port: 81, redis: { password: '***' } } });
  });
});

describe('the program', () => {
  it('prints its version', async () => {
    expect(await chrysproxy(['--version'])).toEqual({ exitCode: 0, out: `${version()}\n`, err: '' });
  });

  it('lists its commands and exit codes', async () => {
    const { exitCode, out } = await chrysproxy(['--help']);
    expect(exitCode).toBe(0);
    for (const word of [
      'start',
      'camera',
      'watch',
      'snapshot',
      'frames',
      'recordings',
      'clip',
      'export',
      'probe',
      'config',
      '  3  No proxy answers at the address.',
    ]) {
      expect(out).toContain(word);
    }
  });

  it.each([[[]], [['camera']], [['camra']], [['camera', 'list', 'extra']]])('ends with 2 for %j', async (args) => {
    const result = await chrysproxy(args);
    expect(result).toMatchObject({ exitCode: 2, out: '' });
    expect(result.err).not.toBe('');
  });
});
