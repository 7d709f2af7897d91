/** Clients that people have: Python, Debian's grpcio, stubs made from the .proto. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Farm } from '../farm/farm.js';
import { Proxy } from '../support/proxy.js';
import { pythonClient, type PythonRun } from '../support/python.js';
import { leastMissed } from '../support/take.js';

const GOP = 50;
const ATTEMPTS = 5;
/** Less than one in each group of pictures, which is what a fault of the decoder or the ring would cost. */
const MAY_MISS = 1;

describe('a Python client', () => {
  let farm: Farm;
  let proxy: Proxy;

  beforeAll(async () => {
    farm = await Farm.start({
      mounts: [
        { path: 'h264', clip: 'h264-640x480-25-g50' },
        { path: 'hevc', clip: 'hevc-640x360-25-g50' },
      ],
    });
    proxy = await Proxy.start();
    for (const path of ['h264', 'hevc']) await proxy.addCamera(path, farm.url(path));
    for (const path of ['h264', 'hevc']) await proxy.cameraIsRunning(path);
  });

  afterAll(async () => {
    await proxy.dispose();
    await farm.stop();
  });

  it.each([
    ['--unary', 'h264'],
    ['--bidi', 'h264'],
    ['--each', 'h264'],
    ['--unary', 'hevc'],
    ['--bidi', 'hevc'],
  ])('called with %s gets all pictures of %s whole, in order, none twice', async (form, device) => {
    let lines: PythonRun['lines'] = [];
    const run = async (): Promise<number> => {
      const options = [form, '--device', device, '--skip', '10', '--frames', '100', '--verify'];
      const { exitCode, complaints, lines: taken } = await pythonClient(proxy.grpcAddress, ...options);
      lines = taken;
      const late = /^missing: (\d+)\n$/.exec(complaints)?.[1];
      if (late !== undefined) return Number(late);
      expect(complaints).toBe('');
      expect(exitCode).toBe(0);
      return 0;
    };
    expect(await leastMissed(ATTEMPTS, run)).toBeLessThanOrEqual(MAY_MISS);
    for (const frame of lines) {
      const index = Number(frame.number) % GOP;
      expect(frame).toMatchObject({
        device_id: device,
        is_keyframe: index === 0,
        packet: index,
        shape: [
          [frame.height, '0'],
          [640, '1'],
          [3, '2'],
        ],
        bytes: 640 * Number(frame.height) * 3,
      });
    }
  });

  it.each(['--unary', '--bidi'])('called with %s gets keyframes only, when it wants them', async (form) => {
    const { exitCode, complaints } = await pythonClient(
      proxy.grpcAddress,
      ...[form, '--device', 'h264', '--frames', '4', '--keyframes', '--verify'],
    );
    expect(complaints).toBe('');
    expect(exitCode).toBe(0);
  });

  it('learns that a camera is unknown', async () => {
    const { exitCode, lines } = await pythonClient(proxy.grpcAddress, '--unary', '--device', 'nobody');
    expect(exitCode).toBe(2);
    expect(lines).toMatchObject([{ error: 'NOT_FOUND' }]);
  });

  it('finds the services by reflection, and the health service', async () => {
    const { lines } = await pythonClient(proxy.grpcAddress, '--services');
    expect(lines[0]?.serving).toBe(true);
    expect(lines[0]?.reflection).toContain('chrys.cloud.videostreaming.v1beta1.Image');
  });
});
