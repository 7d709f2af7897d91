/** The whole process is killed, ended and started twice. The cameras come back without any action. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { Farm } from '../farm/farm.js';
import { ImageClient } from '../support/grpc-client.js';
import { EXECUTABLE, Proxy } from '../support/proxy.js';
import { misplaced, outOfOrder, take } from '../support/take.js';
import { freePort } from '../support/wait.js';

const FPS = 25;
const CLIP_FRAMES = 300;
const CAMERAS = ['one', 'two'];

describe('the proxy', () => {
  let farm: Farm;
  let proxy: Proxy;

  beforeAll(async () => {
    farm = await Farm.start({ mounts: CAMERAS.map((path) => ({ path, clip: 'h264-640x480-25-g50' })) });
    proxy = await Proxy.start();
    for (const name of CAMERAS) await proxy.addCamera(name, farm.url(name));
    await allGiveFrames();
  });

  afterAll(async () => {
    await proxy.dispose();
    await farm.stop();
  });

  async function allGiveFrames(): Promise<void> {
    for (const name of CAMERAS) {
      await proxy.cameraIsRunning(name);
      const client = new ImageClient(proxy.grpcAddress, 'unary');
      try {
        const taken = await take(client, { device_id: name }, 10);
        expect(outOfOrder(taken)).toEqual([]);
        expect(misplaced(taken, FPS, CLIP_FRAMES)).toEqual([]);
      } finally {
        client.close();
      }
    }
  }

  it('has its cameras back after kill -9', async () => {
    await proxy.kill9();
    await proxy.resume();
    await allGiveFrames();
  });

  it('exits with 0 on SIGTERM, and has its cameras back when it is started again', async () => {
    expect(await proxy.end()).toBe(0);
    await proxy.resume();
    await allGiveFrames();
  });

  it('has no camera that was removed before kill -9', async () => {
    await proxy.addCamera('extra', farm.url('one'));
    await proxy.removeCamera('extra');
    await proxy.kill9();
    await proxy.resume();
    expect((await proxy.rest('GET', '/api/v1/process/extra')).status).toBe(404);
    await allGiveFrames();
  });

  it('refuses a second process on its data directory and names the pid of the first', async () => {
    const configFile = join(proxy.folder, 'second.yaml');
    writeFileSync(configFile, stringify({ port: await freePort(), grpc_port: await freePort() }));
    const { code, output } = await new Promise<{ code: number | null; output: string }>((resolve) => {
      const child = execFile(
        process.execPath,
        [EXECUTABLE, 'start', '--config', configFile, '--data-dir', proxy.dataDir],
        { timeout: 20_000, killSignal: 'SIGKILL' },
        (_error, stdout, stderr) => {
          resolve({ code: child.exitCode, output: stdout + stderr });
        },
      );
    });
    expect(code).toBeGreaterThan(0);
    expect(output).toContain(`pid ${proxy.pid}`);
    expect(output).toContain(proxy.dataDir);
    await allGiveFrames();
  });
});
