/** The proxy itself comes and goes; nobody has to do anything. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Farm } from '../farm/farm.js';
import { ImageClient } from '../support/grpc-client.js';
import { EXECUTABLE, Proxy } from '../support/proxy.js';
import { take } from '../support/take.js';

describe('a proxy', () => {
  let farm: Farm;
  let proxy: Proxy;

  beforeAll(async () => {
    farm = await Farm.start({ mounts: [{ path: 'camera', clip: 'h264-640x480-25-g50' }] });
    proxy = await Proxy.start();
  });

  afterAll(async () => {
    await proxy.dispose();
    await farm.stop();
  });

  it('has its cameras back after a kill -9', async () => {
    await proxy.addCamera('one', farm.url('camera'));
    await proxy.addCamera('two', farm.url('camera'), { transport: 'tcp', rtmp_endpoint: 'rtmp://127.0.0.1/live/two' });
    await proxy.cameraIsRunning('one');
    const before = await proxy.camera('two');
    await proxy.kill9();
    await proxy.resume();
    for (const name of ['one', 'two']) {
      await proxy.cameraIsRunning(name);
      const client = new ImageClient(proxy.grpcAddress, 'unary');
      expect((await take(client, { device_id: name }, 3)).map(({ number }) => number)).not.toContain('torn');
      client.close();
    }
    const { rtsp_endpoint, created } = before as unknown as Record<string, unknown>;
    expect(await proxy.camera('two')).toMatchObject({ rtsp_endpoint, created });
  });

  it('does not bring back a camera that was removed', async () => {
    await proxy.addCamera('short-lived', farm.url('camera'));
    await proxy.removeCamera('short-lived');
    await proxy.kill9();
    await proxy.resume();
    expect((await proxy.rest('GET', '/api/v1/process/short-lived')).status).toBe(404);
  });

  it('ends with 0 on SIGTERM', async () => {
    expect(await proxy.end()).toBe(0);
    await proxy.resume();
  });

  it('refuses a data directory that another one uses, and names its process', async () => {
    const { exitCode, output } = await startSecond(proxy);
    expect(exitCode).not.toBe(0);
    expect(output).toContain(String(proxy.pid));
    expect(output).toContain(proxy.dataDir);
    expect((await proxy.rest('GET', '/readyz')).status).toBe(200);
  });

  it('says which port is taken', async () => {
    const { exitCode, output } = await startSecond(proxy, join(proxy.folder, 'data-of-its-own'));
    expect(exitCode).not.toBe(0);
    expect(output).toMatch(new RegExp(`${proxy.restPort}|${proxy.grpcPort}`));
  });
});

/** Another proxy of the same configuration. */
function startSecond(proxy: Proxy, dataDir = proxy.dataDir): Promise<{ exitCode: number | null; output: string }> {
  const args = [EXECUTABLE, 'start', '--config', proxy.configFile, '--data-dir', dataDir];
  return new Promise((resolve) => {
    const child = execFile(process.execPath, args, { timeout: 15_000 }, (_error, stdout, stderr) => {
      resolve({ exitCode: child.exitCode, output: stdout + stderr });
    });
  });
}
