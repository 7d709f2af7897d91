import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NOW_MS, startRest, type RestFixture } from './fixture.js';

const PROCESS = '/api/v1/process';
const URL = 'rtsp://admin:geheim@10.0.0.1/live';

let rest: RestFixture;
beforeEach(async () => {
  rest = await startRest();
});
afterEach(() => rest.close());

const add = (body: unknown) => rest.post(PROCESS, body);

describe('POST process', () => {
  it('adds a camera with the defaults of the configuration and answers 200 without a body', async () => {
    const answer = await add({ name: 'yard', rtsp_endpoint: URL, rtmp_endpoint: 'rtmp://cloud/live/key' });
    expect(answer.status).toBe(200);
    expect(answer.text).toBe('');
    expect(rest.cameras.get('yard').definition).toEqual({
      name: 'yard',
      rtspEndpoint: URL,
      rtmpEndpoint: 'rtmp://cloud/live/key',
      transport: 'auto',
      tlsVerify: 'pin',
      openTimeoutMs: 10_000,
      stallTimeoutMs: 5000,
      decoderThreads: 1,
      recordAudio: false,
      createdMs: NOW_MS,
      modifiedMs: NOW_MS,
    });
  });

  it('accepts transport, timeouts, threads and recording of the camera', async () => {
    await add({
      name: 'yard',
      rtsp_endpoint: URL,
      transport: 'udp',
      tls_verify: 'verify',
      max_pixels: 2_073_600,
      open_timeout_ms: 3000,
      stall_timeout_ms: 2000,
      decoder_threads: 4,
      record: false,
      record_audio: true,
    });
    expect(rest.cameras.get('yard').definition).toMatchObject({
      transport: 'udp',
      tlsVerify: 'verify',
      maxPixels: 2_073_600,
      openTimeoutMs: 3000,
      stallTimeoutMs: 2000,
      decoderThreads: 4,
      record: false,
      recordAudio: true,
    });
  });

  it.each([[{}], [{ name: '' }], [{ name: null }]])(
    'names a camera after the MD5 of its endpoint: %j',
    async (extra) => {
      expect((await add({ rtsp_endpoint: URL, ...extra })).status).toBe(200);
      expect(rest.cameras.list()[0]?.definition.name).toBe(createHash('md5').update(URL).digest('hex'));
    },
  );

  it('reads JSON whose Content-Type is a form, as `curl -d` sends it', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const answer = await rest.send('POST', PROCESS, { name: 'yard', rtsp_endpoint: URL }, headers);
    expect(answer.status).toBe(200);
  });

  it('ignores fields that only answers of the original have, and optional fields that are empty or null', async () => {
    const answer = await add({
      name: 'yard',
      rtsp_endpoint: URL,
      rtmp_endpoint: '',
      transport: null,
      image_tag: 'x:1',
      container_id: 'abc',
      status: 'running',
      state: {},
      logs: {},
      created: 1,
      modified: 1,
      rtmp_stream_status: {},
      upgrade_available: true,
    });
    expect(answer.status).toBe(200);
    expect(rest.cameras.get('yard').definition).not.toHaveProperty('rtmpEndpoint');
  });

  it('answers 409 when the name is taken', async () => {
    await add({ name: 'yard', rtsp_endpoint: URL });
    const answer = await add({ name: 'yard', rtsp_endpoint: URL });
    expect(answer.status).toBe(409);
    expect(answer.json()).toEqual({ code: 409, message: expect.stringContaining('yard') as string });
  });

  it.each([
    [{ name: 'yard' }, ['rtsp_endpoint is missing']],
    [{ rtsp_endpoint: '' }, ['rtsp_endpoint']],
    [{ rtsp_endpoint: 7 }, ['rtsp_endpoint: 7', 'text']],
    [{ rtsp_endpoint: `rtsp://${'a'.repeat(5000)}` }, ['rtsp_endpoint', '4096']],
    [{ rtsp_endpoint: 'rtsp://admin:***@cam/1' }, ['rtsp_endpoint', 'masked']],
    [{ rtsp_endpoint: URL, rtmp_endpoint: 'http://cloud/live' }, ['rtmp_endpoint', 'rtmp://']],
    [{ rtsp_endpoint: URL, transport: 'tpc' }, ['transport: "tpc"', 'auto, tcp, udp']],
    [{ rtsp_endpoint: URL, tls_verify: true }, ['tls_verify: true', 'verify, pin, none']],
    [{ rtsp_endpoint: URL, max_pixels: 1 }, ['max_pixels: 1', '1024']],
    [{ rtsp_endpoint: URL, open_timeout_ms: 1 }, ['open_timeout_ms: 1', '500']],
    [{ rtsp_endpoint: URL, decoder_threads: '2' }, ['decoder_threads: "2"', 'whole number']],
    [{ rtsp_endpoint: URL, rtmp_endpiont: 'x' }, ['"rtmp_endpiont"', 'Did you mean "rtmp_endpoint"?']],
    [{ rtsp_endpoint: 'http://cam/1' }, ['rtsp_endpoint: The camera URL begins with "http:"']],
    [{ rtsp_endpoint: 7, transport: 'x' }, ['rtsp_endpoint', 'transport']],
  ])('refuses %j and names the error', async (body, parts) => {
    const answer = await add(body);
    expect(answer.status).toBe(400);
    expect(answer.json()).toMatchObject({ code: 400 });
    for (const part of parts) {
      expect((answer.json() as { message: string }).message).toContain(part);
    }
    expect(rest.cameras.list()).toEqual([]);
  });

  it.each([['[]'], ['"text"'], ['null'], ['{"rtsp_endpoint": "rtsp://u:geheim@cam'], [''], ['\0']])(
    'refuses the body %j with 400 and without quoting it',
    async (body) => {
      const answer = await rest.send('POST', PROCESS, body);
      expect(answer.status).toBe(400);
      expect(answer.json()).toMatchObject({ code: 400, message: expect.stringContaining('JSON object') as string });
      expect(answer.text).not.toContain('geheim');
    },
  );

  it('refuses a body of more than 64 KiB with 413', async () => {
    const answer = await add({ rtsp_endpoint: 'x'.repeat(70_000) });
    expect(answer.status).toBe(413);
    expect(answer.json()).toEqual({ code: 413, message: expect.stringContaining('65536') as string });
  });

  it.each(['https://evil.example', 'null', 'http://127.0.0.1'])(
    'refuses a request from a page of %s',
    async (origin) => {
      const answer = await rest.send('POST', PROCESS, { rtsp_endpoint: URL }, { origin });
      expect(answer.status).toBe(403);
      expect(rest.cameras.list()).toEqual([]);
    },
  );

  it('accepts a request from a page of the proxy', async () => {
    const headers = { origin: `http://127.0.0.1:${rest.port}` };
    expect((await rest.send('POST', PROCESS, { rtsp_endpoint: URL }, headers)).status).toBe(200);
  });
});

describe('names', () => {
  const BAD = [
    '../x',
    '..',
    '.hidden',
    'a b',
    'a\0b',
    'a/b',
    '<img onerror=alert(1)>',
    'ä',
    '__proto__',
    '-x',
    'x'.repeat(129),
    'x'.repeat(4096),
  ];

  it.each(BAD)('%j is refused in a body, and the message names the allowed characters', async (name) => {
    const answer = await add({ name, rtsp_endpoint: URL });
    expect(answer.status).toBe(400);
    expect(answer.text).toContain('A-Z a-z 0-9 . _ -');
    expect(answer.text.length).toBeLessThan(400);
  });

  it.each(BAD)('%j is refused in a path', async (name) => {
    const path = `${PROCESS}/${encodeURIComponent(name).replaceAll('.', '%2e')}`;
    for (const [method, rest_] of [
      ['GET', ''],
      ['DELETE', ''],
      ['GET', '/snapshot.jpg'],
    ] as const) {
      const answer = await rest.send(method, path + rest_);
      expect(answer.status).toBe(400);
      expect(answer.text).toContain('A-Z a-z 0-9 . _ -');
    }
  });

  it.each(['constructor', 'toString', 'hasOwnProperty', 'a.b-c_D9', 'x'.repeat(128)])(
    '%s is a name like any other',
    async (name) => {
      const path = `${PROCESS}/${name}`;
      expect((await rest.get(path)).status).toBe(404);
      expect((await add(`{"name":"${name}","rtsp_endpoint":"${URL}"}`)).status).toBe(200);
      expect((await rest.get(path)).json()).toMatchObject({ name });
      expect((await rest.send('DELETE', path)).status).toBe(200);
      expect((await rest.get(path)).status).toBe(404);
    },
  );

  it('a field __proto__ is unknown and changes nothing', async () => {
    const answer = await add(`{"rtsp_endpoint":"${URL}","__proto__":{"polluted":1}}`);
    expect(answer.status).toBe(400);
    expect({}).not.toHaveProperty('polluted');
  });

  it('a malformed percent-encoding is answered with 400', async () => {
    const answer = await rest.get(`${PROCESS}/%zz`);
    expect(answer.status).toBe(400);
    expect(answer.json()).toEqual({ code: 400, message: expect.stringContaining('percent-encoding') as string });
  });
});

describe('GET process and processlist', () => {
  it('shows a camera that never connected in the form of the original', async () => {
    await add({ name: 'yard', rtsp_endpoint: URL, rtmp_endpoint: 'rtmp://u:geheim@cloud/live/key' });
    const answer = await rest.get(`${PROCESS}/yard`);
    expect(answer.status).toBe(200);
    expect(answer.json()).toEqual({
      name: 'yard',
      rtsp_endpoint: 'rtsp://admin:***@10.0.0.1/live',
      rtmp_endpoint: 'rtmp://u:***@cloud/live/key',
      status: 'created',
      state: {
        Status: 'created',
        Running: false,
        Paused: false,
        Restarting: false,
        OOMKilled: false,
        Dead: false,
        Pid: process.pid,
        ExitCode: 0,
        Error: '',
        StartedAt: '0001-01-01T00:00:00Z',
        FinishedAt: '0001-01-01T00:00:00Z',
      },
      logs: { stdout: '', stderr: '' },
      created: NOW_MS,
      modified: NOW_MS,
      rtmp_stream_status: { streaming: false, storing: false },
      upgrade_available: false,
      chrysproxy: expect.objectContaining({
        phase: 'created',
        transport: 'auto',
        tls_verify: 'pin',
        max_pixels: null,
        learned: null,
        stream: null,
      }) as unknown,
    });
  });

  it.each([
    ['created', 'created', { Running: false, Restarting: false, Dead: false }],
    ['connecting', 'restarting', { Running: false, Restarting: true, Dead: false }],
    ['running', 'running', { Running: true, Restarting: false, Dead: false }],
    ['reconnecting', 'restarting', { Running: false, Restarting: true, Dead: false }],
    ['failed', 'dead', { Running: false, Restarting: false, Dead: true, ExitCode: 1 }],
    ['stopped', 'exited', { Running: false, Restarting: false, Dead: false }],
  ] as const)('tells phase %s as status %s', async (phase, status, state) => {
    await add({ name: 'yard', rtsp_endpoint: URL });
    rest.cameras.get('yard').state = { phase, sinceMs: NOW_MS, message: '', failingStreak: 0 };
    expect((await rest.get(`${PROCESS}/yard`)).json()).toMatchObject({ status, state: { Status: status, ...state } });
  });

  it('shows the learned facts of a camera, without its session', async () => {
    await add({ name: 'yard', rtsp_endpoint: URL });
    rest.cameras.get('yard').learned = {
      ...{ transport: 'udp', keepalive: 'OPTIONS', authentication: 'Digest MD5', certificate: 'ab'.repeat(32) },
      ...{ withoutReceiverReports: true, marksEverySlice: false, sequenceUnreliable: false },
      ...{ jpegWidth: 2560, jpegHeight: 1440, usualGapMs: 4000, silentTcpSessions: 0, endedAfterMs: 0 },
      ...{ session: 'session-4711', sessionUrl: 'rtsp://10.0.0.1/control-url' },
    };
    const answer = await rest.get(`${PROCESS}/yard`);
    expect(answer.json()).toMatchObject({
      chrysproxy: {
        learned: {
          transport: 'udp',
          keepalive: 'OPTIONS',
          authentication: 'Digest MD5',
          certificate: 'ab'.repeat(32),
          usual_gap_ms: 4000,
          without_receiver_reports: true,
          marks_every_slice: false,
          sequence_unreliable: false,
          jpeg_size: { width: 2560, height: 1440 },
        },
      },
    });
    expect(answer.text).not.toMatch(/session-4711|control-url/);
  });

  it('shows why a camera is not running, without its password', async () => {
    await add({ name: 'yard', rtsp_endpoint: URL });
    rest.cameras.get('yard').state = {
      phase: 'reconnecting',
      sinceMs: NOW_MS,
      reason: 'refused',
      message: `${URL} refused`,
      failingStreak: 3,
      nextAttemptMs: NOW_MS + 5000,
      lastConnectedMs: NOW_MS - 2000,
      lastDisconnectedMs: NOW_MS - 1000,
    };
    const answer = await rest.get(`${PROCESS}/yard`);
    expect(answer.text).not.toContain('geheim');
    expect(answer.json()).toMatchObject({
      state: {
        Error: 'rtsp://admin:***@10.0.0.1/live refused',
        StartedAt: '2026-01-02T03:04:03.000Z',
        FinishedAt: '2026-01-02T03:04:04.000Z',
      },
      chrysproxy: { reason: 'refused', failing_streak: 3, next_attempt: NOW_MS + 5000 },
    });
  });

  it('answers log lines in base64, warnings and errors separately, without passwords', async () => {
    await add({ name: 'yard', rtsp_endpoint: URL });
    rest.cameras.get('yard').log = [
      { timeMs: NOW_MS, level: 'info', text: `open ${URL}` },
      { timeMs: NOW_MS, level: 'warn', text: 'late' },
      { timeMs: NOW_MS, level: 'debug', text: 'detail' },
      { timeMs: NOW_MS, level: 'error', text: 'gone' },
    ];
    const { logs } = (await rest.get(`${PROCESS}/yard`)).json() as { logs: { stdout: string; stderr: string } };
    const text = (base64: string) => Buffer.from(base64, 'base64').toString();
    expect(text(logs.stdout)).toBe(
      '2026-01-02T03:04:05.000Z info open rtsp://admin:***@10.0.0.1/live\n2026-01-02T03:04:05.000Z debug detail\n',
    );
    expect(text(logs.stderr)).toBe('2026-01-02T03:04:05.000Z warn late\n2026-01-02T03:04:05.000Z error gone\n');
  });

  it.each([`${PROCESS}/yard`, '/api/v1/processlist'])('leaves the logs of %s out on request', async (path) => {
    await add({ name: 'yard', rtsp_endpoint: URL });
    rest.cameras.get('yard').log = [{ timeMs: NOW_MS, level: 'info', text: 'open' }];
    const logs = async (query: string): Promise<unknown> =>
      ([(await rest.get(path + query)).json()].flat() as { logs: { stdout: string } }[])[0]?.logs.stdout;
    expect(await logs('')).not.toBe('');
    expect(await logs('?logs=true')).not.toBe('');
    expect(await logs('?logs=false')).toBe('');
    expect((await rest.get(`${path}?logs=no`)).json()).toEqual({
      code: 400,
      message: 'logs: "no" is not allowed; allowed is true or false.',
    });
  });

  it('lists all cameras', async () => {
    expect((await rest.get('/api/v1/processlist')).json()).toEqual([]);
    await add({ name: 'a', rtsp_endpoint: URL });
    await add({ name: 'b', rtsp_endpoint: URL });
    expect((await rest.get('/api/v1/processlist')).json()).toMatchObject([{ name: 'a' }, { name: 'b' }]);
  });

  it('answers 404 for an unknown camera, also to DELETE', async () => {
    for (const method of ['GET', 'DELETE']) {
      const answer = await rest.send(method, `${PROCESS}/yard`);
      expect(answer.status).toBe(404);
      expect(answer.json()).toEqual({ code: 404, message: expect.stringContaining('yard') as string });
    }
  });

  it('removes a camera', async () => {
    await add({ name: 'yard', rtsp_endpoint: URL });
    expect((await rest.send('DELETE', `${PROCESS}/yard`)).status).toBe(200);
    expect(rest.cameras.list()).toEqual([]);
  });
});

it('no password reaches the log', async () => {
  await add({ name: 'yard', rtsp_endpoint: URL });
  await rest.get(`${PROCESS}/yard?url=${URL}`);
  await rest.get(`/${URL}`);
  expect(rest.logLines.length).toBeGreaterThanOrEqual(3);
  expect(rest.logLines.join('')).not.toContain('geheim');
});
