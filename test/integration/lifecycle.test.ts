/** The process is killed, ended and started twice. The cameras return without any action. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { ImageClient } from '../support/grpc-client.js';
import { EXECUTABLE } from '../support/proxy.js';
import { FarmScene } from '../support/scene.js';
import { misplaced, outOfOrder, take } from '../support/take.js';
import { freePort } from '../support/wait.js';

const FPS = 25;
const CLIP_FRAMES = 300;
const CAMERAS = ['one', 'two'];

describe('the proxy', () => {
  let scene: FarmScene;

  beforeAll(async () => {
    scene = await FarmScene.start(Object.fromEntries(CAMERAS.map((name) => [name, 'h264-640x480-25-g50'])));
    await allDeliverFrames();
  });

  afterAll(async () => {
    await scene.dispose();
  });

  async function allDeliverFrames(): Promise<void> {
    for (const name of CAMERAS) {
      await scene.running(name);
      const client = new ImageClient(scene.proxy.grpcAddress, 'unary');
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
    await scene.proxy.kill9();
    await scene.proxy.resume();
    await allDeliverFrames();
  });

  it('exits with 0 on SIGTERM, and has its cameras back when it is started again', async () => {
    expect(await scene.proxy.end()).toBe(0);
    await scene.proxy.resume();
    await allDeliverFrames();
  });

  it('has no camera that was removed before kill -9', async () => {
    await scene.proxy.addCamera('extra', scene.farm.url('one'));
    await scene.proxy.removeCamera('extra');
    await scene.proxy.kill9();
    await scene.proxy.resume();
    expect((await scene.proxy.rest('GET', '/api/v1/process/extra')).status).toBe(404);
    await allDeliverFrames();
  });

  it('refuses a second process on its data directory, with the pid of the first', async () => {
    const configFile = join(scene.proxy.folder, 'second.yaml');
    writeFileSync(configFile, stringify({ port: await freePort(), grpc_port: await freePort() }));
    const { code, output } = await new Promise<{ code: number | null; output: string }>((resolve) => {
      const child = execFile(
        process.execPath,
        [EXECUTABLE, 'start', '--config', configFile, '--data-dir', scene.proxy.dataDir],
        { timeout: 20_000, killSignal: 'SIGKILL' },
        (_error, stdout, stderr) => {
          resolve({ code: child.exitCode, output: stdout + stderr });
        },
      );
    });
    expect(code).toBeGreaterThan(0);
    expect(output).toContain(`pid ${scene.proxy.pid}`);
    expect(output).toContain(scene.proxy.dataDir);
    await allDeliverFrames();
  });
});
