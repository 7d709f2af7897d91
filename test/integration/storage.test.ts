import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { KEY, SECRET } from '../support/annotation-receiver.js';
import { failure, ImageClient } from '../support/grpc-client.js';
import { Proxy } from '../support/proxy.js';
import { StorageCloud } from '../support/storage-cloud.js';
import { waitFor } from '../support/wait.js';

const BOUND_MS = 30_000;
const KEYS = { edge_key: KEY, edge_secret: SECRET };
/** Nothing listens at this address: the storage switch does not need a running camera. */
const CAMERA = 'rtsp://127.0.0.1:1/none';

interface Shown {
  readonly rtmp_stream_status: { readonly storing: boolean };
  readonly chrysproxy: {
    readonly storage: {
      readonly wanted: boolean | null;
      readonly storing: boolean;
      readonly message: string;
      readonly next_attempt: number | null;
    };
  };
}

let cloud: StorageCloud;
let proxy: Proxy;
let client: ImageClient;

beforeAll(async () => {
  cloud = await StorageCloud.start();
  proxy = await Proxy.start({ config: { api: { endpoint: cloud.url } } });
  client = new ImageClient(proxy.grpcAddress, 'unary');
  for (const name of ['yard', 'door', 'gate', 'bare']) {
    const more = name === 'bare' ? {} : { rtmp_endpoint: `rtmp://127.0.0.1:1/live/key-${name}?token=1` };
    await proxy.addCamera(name, CAMERA, more);
  }
});

afterAll(async () => {
  client.close();
  await proxy.dispose();
  await cloud.stop();
});

beforeEach(async () => {
  cloud.status = undefined;
  cloud.delayMs = 0;
  await proxy.rest('POST', '/api/v1/settings', KEYS);
});

async function shown(name: string): Promise<Shown> {
  return JSON.parse((await proxy.rest('GET', `/api/v1/process/${name}`)).text) as Shown;
}

async function storing(name: string, expected: boolean): Promise<void> {
  await waitFor(`storage of ${name} to be ${expected}`, BOUND_MS, async () => {
    return (await shown(name)).rtmp_stream_status.storing === expected;
  });
}

describe('Storage', () => {
  it('is switched for the last segment of the RTMP URL, and shows the answer of the cloud', async () => {
    expect((await shown('yard')).chrysproxy.storage).toMatchObject({ wanted: null, storing: false });
    expect(await client.unary('Storage', { device_id: 'yard', start: true })).toEqual({
      device_id: 'yard',
      start: true,
    });
    expect(cloud.accepted).toEqual(['key-yard=on']);
    expect(await shown('yard')).toMatchObject({
      rtmp_stream_status: { storing: true },
      chrysproxy: { storage: { wanted: true, storing: true, message: '', next_attempt: null } },
    });
    const { status } = await proxy.rest('PATCH', '/api/v1/process/yard', { storage: false });
    expect(status).toBe(200);
    expect(cloud.accepted).toEqual(['key-yard=on', 'key-yard=off']);
    await storing('yard', false);
  });

  it('keeps a setting while the cloud is away, and after a restart, until the cloud accepts it', async () => {
    await cloud.stop();
    const { code, details } = await failure(client.unary('Storage', { device_id: 'yard', start: true }));
    expect(code).toBe(14);
    expect(details).toMatch(/nothing listens.*The setting is stored, and the request is repeated/);
    const { wanted, storing: fact, message, next_attempt: next } = (await shown('yard')).chrysproxy.storage;
    expect({ wanted, fact }).toEqual({ wanted: true, fact: false });
    expect(message).toContain('nothing listens');
    expect(next).toBeGreaterThan(0);
    await proxy.kill9();
    await cloud.listen();
    await proxy.resume();
    await storing('yard', true);
    expect(cloud.accepted.at(-1)).toBe('key-yard=on');
  });

  it('reports problems of the keys, and tries again as soon as they change', async () => {
    await proxy.rest('POST', '/api/v1/settings', { edge_key: '', edge_secret: '' });
    const without = await failure(client.unary('Storage', { device_id: 'door', start: true }));
    expect(without.code).toBe(9);
    expect(without.details).toMatch(/cloud set-key.*\/api\/v1\/settings/);
    await proxy.rest('POST', '/api/v1/settings', { edge_key: KEY, edge_secret: 'another' });
    const wrong = await failure(client.unary('Storage', { device_id: 'door', start: true }));
    expect(wrong.code).toBe(7);
    expect(wrong.details).not.toContain('another');
    cloud.status = 401;
    expect((await failure(client.unary('Storage', { device_id: 'door', start: true }))).code).toBe(7);
    cloud.status = undefined;
    await proxy.rest('POST', '/api/v1/settings', KEYS);
    await storing('door', true);
  });

  it('has one request per camera at a time, and the newest setting wins', async () => {
    cloud.delayMs = 300;
    cloud.maxAtOnce = 0;
    const calls = [true, false, true, false].map((start) =>
      client.unary('Storage', { device_id: 'gate', start }).catch((error: unknown) => error),
    );
    await Promise.all(calls);
    await waitFor('the cloud to have the last setting', BOUND_MS, () => cloud.accepted.at(-1) === 'key-gate=off');
    await storing('gate', false);
    expect(cloud.maxAtOnce).toBe(1);
  });

  it('refuses invalid requests', async () => {
    expect((await failure(client.unary('Storage', { device_id: '', start: true }))).code).toBe(3);
    expect((await failure(client.unary('Storage', { device_id: 'nobody', start: true }))).code).toBe(5);
    const bare = await failure(client.unary('Storage', { device_id: 'bare', start: true }));
    expect(bare.code).toBe(9);
    expect(bare.details).toContain('rtmp_endpoint');
    cloud.status = 500;
    expect((await failure(client.unary('Storage', { device_id: 'yard', start: false }))).code).toBe(14);
  });

  it('is switched again when the RTMP endpoint changes', async () => {
    await client.unary('Storage', { device_id: 'gate', start: true });
    await proxy.rest('PATCH', '/api/v1/process/gate', { rtmp_endpoint: 'rtmp://127.0.0.1:1/live/other' });
    await waitFor('the other key', BOUND_MS, () => cloud.accepted.includes('other=on'));
    await storing('gate', true);
    await proxy.rest('PATCH', '/api/v1/process/gate', { rtmp_endpoint: null });
    expect((await shown('gate')).chrysproxy.storage).toMatchObject({ wanted: null, storing: false });
  });
});
