import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { ChrysError } from '../../../src/base/errors.js';
import { runCli } from '../cli/fixture.js';
import { startRest, type RestFixture } from './fixture.js';

const CAMERA = { name: 'yard', rtsp_endpoint: 'rtsp://10.0.0.1/live', rtmp_endpoint: 'rtmp://cloud/live/key' };
const ROUTE = '/api/v1/process/yard';

let rest: RestFixture;

beforeEach(async () => {
  rest = await startRest();
  await rest.post('/api/v1/process', CAMERA);
});
afterEach(async () => {
  await rest.close();
});

const patch = (body: unknown) => rest.send('PATCH', ROUTE, body, { 'content-type': 'application/json' });
const cli = (...args: string[]) => runCli(rest.port, ['camera', ...args]);

describe('PATCH process/:name', () => {
  it('shows separately whether passthrough is wanted and how it is doing', async () => {
    const answer = await patch({ passthrough: true });
    expect(answer.status).toBe(200);
    expect(answer.json()).toMatchObject({
      rtmp_stream_status: { streaming: false },
      chrysproxy: { passthrough: { wanted: true, state: 'connecting', packets: 0 } },
    });
    rest.passthrough.current = { state: 'streaming', streaming: true, packets: 7, bytes: 70, lastSentMs: 9 };
    expect((await rest.get(ROUTE)).json()).toMatchObject({
      rtmp_stream_status: { streaming: true },
      chrysproxy: { passthrough: { wanted: true, state: 'streaming', packets: 7, bytes: 70, last_sent: 9 } },
    });
  });

  it('keeps a change of storage that the cloud refused, and answers the error', async () => {
    rest.storage.failure = new ChrysError('permission_denied', 'the cloud refuses the key');
    expect((await patch({ storage: true })).status).toBe(403);
    expect((await rest.get(ROUTE)).json()).toMatchObject({
      rtmp_stream_status: { storing: false },
      chrysproxy: { storage: { wanted: true, storing: false, message: 'the cloud refuses the key' } },
    });
    rest.storage.failure = undefined;
    expect((await patch({ storage: true })).json()).toMatchObject({ rtmp_stream_status: { storing: true } });
  });

  it('sets another RTMP endpoint, which the cloud does not store yet', async () => {
    await patch({ passthrough: true, storage: true });
    const other = await patch({ rtmp_endpoint: 'rtmp://user:geheim@other/live/two' });
    expect(other.json()).toMatchObject({
      rtmp_endpoint: 'rtmp://user:***@other/live/two',
      chrysproxy: { passthrough: { wanted: true }, storage: { wanted: true, storing: false } },
    });
  });

  it.each([null, ''])('removes the RTMP endpoint with %j, and switches passthrough and storage off', async (none) => {
    await patch({ passthrough: true, storage: true });
    const answer = await patch({ rtmp_endpoint: none });
    expect(answer.json()).not.toHaveProperty('rtmp_endpoint');
    expect(answer.json()).toMatchObject({ chrysproxy: { passthrough: { wanted: false }, storage: { wanted: null } } });
  });

  it.each([{ rtmp_endpoint: 'http://cloud/live' }, { rtmp_endpoint: 'rtmp://' }, { passthrough: 'yes' }, {}])(
    'refuses %j',
    async (body) => {
      expect((await patch(body)).status).toBe(400);
    },
  );
});

describe('the command', () => {
  it('camera passthrough switches on and off', async () => {
    expect((await cli('passthrough', 'yard', 'on')).out).toBe('Camera "yard" is sent to its RTMP endpoint.\n');
    expect(rest.cameras.get('yard').definition.passthrough).toBe(true);
    expect((await cli('passthrough', 'yard', 'off')).out).toBe('Camera "yard" is not sent to an RTMP endpoint.\n');
  });

  it('camera storage prints the answer of the cloud', async () => {
    expect((await cli('storage', 'yard', 'on')).out).toBe('Camera "yard" is stored by the cloud.\n');
    rest.storage.failure = new ChrysError('unavailable', 'the cloud is away');
    const failed = await cli('storage', 'yard', 'off');
    expect(failed.exitCode).not.toBe(0);
    expect(failed.err).toContain('the cloud is away');
  });

  it('camera show prints both, and the lost packets', async () => {
    await patch({ passthrough: true, storage: true });
    rest.passthrough.current = { state: 'streaming', packets: 7, bytes: 7000, lost: 2 };
    const { out } = await cli('show', 'yard');
    expect(out).toMatch(/Passthrough: +streaming, 7 packets, 7\.0 kB, 2 packets lost/);
    expect(out).toMatch(/Storage: +on since 1970/);
  });
});
