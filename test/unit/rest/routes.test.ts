import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ChrysError } from '../../../src/base/errors.js';
import { listenRest } from '../../../src/rest/http/listen.js';
import { waitFor } from '../../support/wait.js';
import { fakeFrame, NOW_MS, sendRaw, startRest, type RestFixture } from './fixture.js';

let rest: RestFixture;
beforeEach(async () => {
  rest = await startRest();
  await rest.post('/api/v1/process', { name: 'yard', rtsp_endpoint: 'rtsp://10.0.0.1/live' });
});
afterEach(() => rest.close());

describe('the snapshot', () => {
  const SNAPSHOT = '/api/v1/process/yard/snapshot.jpg';

  it('is the newest frame as a JPEG that must not be cached', async () => {
    rest.cameras.get('yard').pictures.push(fakeFrame());
    const answer = await rest.get(SNAPSHOT);
    expect(answer.status).toBe(200);
    expect(answer.text).toBe('a jpeg');
    expect(answer.headers).toMatchObject({
      'content-type': 'image/jpeg',
      'cache-control': 'no-store',
      'x-frame-id': '1',
      'x-timestamp': String(NOW_MS),
    });
    expect(rest.encoded).toHaveLength(1);
    expect(rest.encoded[0]).toMatchObject({ width: 2, height: 1 });
    expect(rest.encoded[0]).not.toHaveProperty('outWidth');
    expect([...(rest.encoded[0]?.bgr24 ?? [])]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('has the requested width and quality', async () => {
    rest.cameras.get('yard').pictures.push(fakeFrame());
    expect((await rest.get(`${SNAPSHOT}?width=320&quality=40`)).status).toBe(200);
    expect(rest.encoded[0]).toMatchObject({ outWidth: 320, quality: 40 });
  });

  it.each(['15', '7681', '0', '-20', '1e3', '20.5', 'abc', '', '99999999999999999999'])(
    'refuses the width %j',
    async (width) => {
      const answer = await rest.get(`${SNAPSHOT}?width=${width}`);
      expect(answer.status).toBe(400);
      expect(answer.json()).toMatchObject({ message: expect.stringMatching(/width: .* 16 to 7680/) as string });
    },
  );

  it('refuses two widths', async () => {
    expect((await rest.get(`${SNAPSHOT}?width=20&width=30`)).status).toBe(400);
  });

  it('copies another frame when one was overwritten while it was copied', async () => {
    rest.cameras.get('yard').pictures.push(fakeFrame(true), fakeFrame());
    expect((await rest.get(SNAPSHOT)).status).toBe(200);
  });

  it('of a camera that is not connected is 503 with the reason', async () => {
    const camera = rest.cameras.get('yard');
    camera.state = { phase: 'reconnecting', sinceMs: NOW_MS, message: 'port 554 refused', failingStreak: 1 };
    const answer = await rest.get(SNAPSHOT);
    expect(answer.status).toBe(503);
    expect(answer.json()).toEqual({ code: 503, message: expect.stringContaining('port 554 refused') as string });
  });

  it('of a running camera that delivers no frame is 504', async () => {
    rest.cameras.get('yard').state = { phase: 'running', sinceMs: NOW_MS, message: '', failingStreak: 0 };
    expect((await rest.get(SNAPSHOT)).status).toBe(504);
  });

  it('is the newest keyframe on request, as the camera’s thread encoded it', async () => {
    const camera = rest.cameras.get('yard');
    const asked = rest.get(`${SNAPSHOT}?keyframe=true&width=320`);
    const first = await waitFor('a request', 15_000, () => camera.waits[0]);
    expect(first.query.options).toMatchObject({
      keyframesOnly: true,
      outputFormat: { format: 4, width: 320, enlarge: false },
    });
    first.settle(fakeFrame(true));
    (await waitFor('another one', 15_000, () => camera.waits[1])).settle(fakeFrame());
    const answer = await asked;
    expect(answer.headers['content-type']).toBe('image/jpeg');
    expect(Buffer.from(answer.text)).toEqual(Buffer.from([1, 2, 3, 4, 5, 6]));
    expect(rest.encoded).toEqual([]);
  });

  it('of an unknown camera is 404', async () => {
    expect((await rest.get('/api/v1/process/nobody/snapshot.jpg')).status).toBe(404);
  });

  it('is 429 when too many are requested', async () => {
    const encodeJpeg = () => Promise.reject(new ChrysError('resource_exhausted', 'Too many snapshots.'));
    const busy = await startRest({ encodeJpeg });
    await busy.post('/api/v1/process', { name: 'yard', rtsp_endpoint: 'rtsp://10.0.0.1/live' });
    busy.cameras.get('yard').pictures.push(fakeFrame());
    const answer = await busy.get(SNAPSHOT);
    await busy.close();
    expect(answer.json()).toEqual({ code: 429, message: 'Too many snapshots.' });
  });
});

describe('settings', () => {
  const SETTINGS = '/api/v1/settings';

  it('are empty at first', async () => {
    expect((await rest.get(SETTINGS)).json()).toEqual({
      name: 'default',
      edge_key: '',
      edge_secret: '',
      created: 0,
      modified: 0,
    });
  });

  it('are stored, and neither the key nor the secret is answered in full', async () => {
    const expected = { name: 'default', edge_key: '***', edge_secret: '***', created: NOW_MS, modified: NOW_MS };
    const answer = await rest.post(SETTINGS, { name: 'default', edge_key: 'key', edge_secret: 'geheim' });
    expect(answer.status).toBe(200);
    expect(answer.json()).toEqual(expected);
    expect((await rest.get(SETTINGS)).json()).toEqual(expected);
    expect(rest.settings()).toMatchObject({ edgeKey: 'key', edgeSecret: 'geheim' });
  });

  it('keep their secret when the masked secret is sent back', async () => {
    await rest.post(SETTINGS, { edge_key: 'key', edge_secret: 'geheim' });
    await rest.post(SETTINGS, { edge_key: 'other', edge_secret: '***' });
    expect(rest.settings()).toMatchObject({ edgeKey: 'other', edgeSecret: 'geheim' });
  });

  it('keep their key when the masked key is sent back', async () => {
    const key = '0123456789abcdef0123';
    const answer = await rest.post(SETTINGS, { edge_key: key, edge_secret: 'geheim' });
    expect(answer.json()).toMatchObject({ edge_key: '0123***' });
    await rest.post(SETTINGS, { edge_key: '0123***', edge_secret: 'new' });
    expect(rest.settings()).toMatchObject({ edgeKey: key, edgeSecret: 'new' });
    await rest.post(SETTINGS, { edge_key: '0123', edge_secret: '***' });
    expect(rest.settings()).toMatchObject({ edgeKey: '0123', edgeSecret: 'new' });
  });

  it('ignore fields that only the original has', async () => {
    expect((await rest.post(SETTINGS, { edge_key: 'k', edge_secret: 's', registry: 'eu' })).status).toBe(200);
  });

  it.each([
    [{ edge_key: 'k' }, 'edge_secret is missing'],
    [{ edge_key: 1, edge_secret: 's' }, 'edge_key: the given value is not allowed'],
    [{ name: 'mine', edge_key: 'k', edge_secret: 's' }, 'name: "mine"'],
    [{ edge_key: 'k', edge_secret: 's', edge_sceret: 's' }, 'Did you mean "edge_secret"?'],
  ])('refuse %j', async (body, part) => {
    const answer = await rest.post(SETTINGS, body);
    expect(answer.status).toBe(400);
    expect((answer.json() as { message: string }).message).toContain(part);
  });

  it('never show a secret in an error', async () => {
    const answer = await rest.post(SETTINGS, { edge_key: 'k', edge_secret: { deep: 'geheim' } });
    expect(answer.status).toBe(400);
    expect(answer.text).not.toContain('geheim');
  });
});

describe('health', () => {
  it('answers while the process lives', async () => {
    expect((await rest.get('/healthz')).json()).toEqual({ status: 'ok', version: '1.2.3' });
  });

  it('is ready only when the proxy says so', async () => {
    let why: string | undefined = 'the cameras are being started';
    const starting = await startRest({ ready: () => why });
    const before = await starting.get('/readyz');
    why = undefined;
    const after = await starting.get('/readyz');
    await starting.close();
    expect(before.json()).toEqual({ code: 503, message: 'the cameras are being started' });
    expect(before.status).toBe(503);
    expect(after.status).toBe(200);
  });
});

describe('a route that does not exist', () => {
  it.each(['/nothing', '/api/v1', '/api/v1/Process', '/api/v2/process', '/api/v1/process/a/b'])(
    'GET %s is 404 in JSON',
    async (path) => {
      const answer = await rest.get(path);
      expect(answer.status).toBe(404);
      expect(answer.json()).toEqual({ code: 404, message: expect.stringContaining(path) as string });
    },
  );

  it.each([
    ['GET', '/api/v1/process', 'POST'],
    ['PUT', '/api/v1/process/yard', 'GET, HEAD, PATCH, DELETE'],
    ['POST', '/api/v1/processlist', 'GET, HEAD'],
    ['DELETE', '/api/v1/settings', 'GET, HEAD, POST'],
    ['POST', '/api/v1/process/yard/snapshot.jpg', 'GET, HEAD'],
    ['POST', '/api/v1/process/yard/stream.mjpeg', 'GET, HEAD'],
    ['POST', '/api/v1/info', 'GET, HEAD'],
    ['POST', '/api/v1/recordings', 'GET, HEAD'],
    ['GET', '/api/v1/recordings/check', 'POST'],
    ['POST', '/api/v1/process/yard/segments', 'GET, HEAD'],
    ['DELETE', '/api/v1/process/yard/segments/1', 'GET, HEAD'],
    ['POST', '/api/v1/process/yard/timeline', 'GET, HEAD'],
    ['POST', '/api/v1/process/yard/clip.mp4', 'GET, HEAD'],
    ['DELETE', '/api/v1/process/yard/clips', 'GET, HEAD, POST'],
    ['PUT', '/api/v1/process/yard/clips/1', 'GET, HEAD, DELETE'],
    ['POST', '/api/v1/process/yard/clips/1/clip.mp4', 'GET, HEAD'],
    ['POST', '/api', 'GET, HEAD'],
    ['POST', '/healthz', 'GET, HEAD'],
    ['POST', '/readyz', 'GET, HEAD'],
    ['PATCH', '/', 'GET, HEAD'],
  ])('%s %s is 405 and says what is possible', async (method, path, allow) => {
    const answer = await rest.send(method, path);
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe(allow);
    expect(answer.json()).toMatchObject({ code: 405 });
  });

  it('OPTIONS answers the methods', async () => {
    const answer = await rest.send('OPTIONS', '/api/v1/process/yard');
    expect(answer.status).toBe(204);
    expect(answer.headers.allow).toBe('GET, HEAD, PATCH, DELETE');
  });

  it('an unexpected error is 500 without its text, which is in the log', async () => {
    const broken = await startRest({
      settings: {
        get: () => {
          throw new Error('disk on fire');
        },
        put: () => {
          throw new Error('disk on fire');
        },
      },
    });
    const answer = await broken.get('/api/v1/settings');
    await broken.close();
    expect(answer.status).toBe(500);
    expect(answer.text).not.toContain('disk on fire');
    expect(broken.logLines.join('')).toContain('disk on fire');
  });
});

describe('the info', () => {
  it('shows the port of gRPC, and the clock of the proxy', async () => {
    expect((await rest.get('/api/v1/info')).json()).toEqual({ version: '1.2.3', grpc_port: 50_001, time: NOW_MS });
  });

  it('shows no port before gRPC listens', async () => {
    const starting = await startRest({ grpcPort: () => undefined });
    const answer = await starting.get('/api/v1/info');
    await starting.close();
    expect(answer.json()).toMatchObject({ grpc_port: null });
  });
});

describe('the list of routes', () => {
  it('has no scripts and no facts about the server', async () => {
    const answer = await rest.get('/api');
    expect(answer.headers['content-type']).toContain('text/html');
    expect(answer.text).toContain('/api/v1/processlist');
    expect(answer.text).toContain('stream.mjpeg');
    expect(answer.text).not.toMatch(/<script|onload=/);
    expect(answer.headers['content-security-policy']).toContain("default-src 'none'");
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
    expect(answer.headers).not.toHaveProperty('x-powered-by');
    expect(answer.headers).not.toHaveProperty('strict-transport-security');
  });
});

describe('the page', () => {
  it('may run only scripts of the proxy, and has no inline scripts', async () => {
    const answer = await rest.get('/');
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(answer.headers['content-security-policy']).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
        "form-action 'none'; frame-ancestors 'none'; base-uri 'none'",
    );
    expect(answer.text).not.toMatch(/<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=/);
    expect(answer.text).toContain('href="/api"');
  });

  it('refers only to files that exist, and so do its files', async () => {
    const seen = new Set(['/']);
    for (const route of seen) {
      const answer = await rest.get(route);
      expect(answer.status, route).toBe(200);
      expect(answer.headers['content-type'], route).toMatch(/html|css|javascript|svg/);
      for (const [, path] of answer.text.matchAll(/(?:src|href)="(\/portal\/[^"]*)"/g)) seen.add(path ?? '');
      for (const [, name] of answer.text.matchAll(/^import .* from '\.\/([\w-]+\.js)'/gm))
        seen.add(`/portal/${name ?? ''}`);
    }
    const files = readdirSync('web').filter((name) => !/^(?:index\.html|tsconfig\.json|rest-types\.d\.ts)$/.test(name));
    expect([...seen].sort()).toEqual(['/', ...files.map((name) => `/portal/${name}`)].sort());
  });

  it.each(['/portal/', '/portal/index.html', '/portal/..%2frest%2fapp.ts', '/portal/nothing.js'])(
    'does not give %s',
    async (path) => {
      expect((await rest.get(path)).status).toBe(404);
    },
  );
});

describe('the server', () => {
  it('answers 400 in JSON to a request that is not HTTP', async () => {
    const answer = await sendRaw(rest.port, 'hello\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 400 [\s\S]*\{"code":400,/);
  });

  it('refuses endless headers', async () => {
    const answer = await sendRaw(rest.port, `GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 431 [\s\S]*\{"code":431,/);
  });

  it.each(['/api/v1/process', '/nothing'])('does not read a gigabyte that is sent to %s', async (path) => {
    const socket = connect(rest.port, '127.0.0.1');
    const chunk = Buffer.alloc(1024 * 1024, 'x');
    let sent = 0;
    const closed = new Promise<void>((resolve) => {
      socket.on('close', () => {
        resolve();
      });
    });
    socket.on('error', () => undefined);
    socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${1024 * 1024 * 1024}\r\n\r\n`);
    const push = (): void => {
      while (!socket.destroyed && socket.write(chunk)) {
        sent += chunk.length;
      }
    };
    socket.on('drain', push);
    socket.resume();
    push();
    await closed;
    expect(sent).toBeLessThan(100 * 1024 * 1024);
  });

  it('says which port is in use', async () => {
    const second = listenRest(() => undefined, '127.0.0.1', rest.port, undefined);
    await expect(second).rejects.toThrow(`REST cannot listen on 127.0.0.1 port ${rest.port}: another program`);
  });
});
