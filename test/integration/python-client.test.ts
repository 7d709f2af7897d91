/** Clients as users have them: Python, Debian's grpcio, stubs made from the .proto. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pythonClient } from '../support/python.js';
import { FarmScene } from '../support/scene.js';
import { missingSteps } from '../support/take.js';

const GOP = 50;
const MAX_RUNS = 10;

describe('a Python client', () => {
  let scene: FarmScene;

  beforeAll(async () => {
    scene = await FarmScene.start({ h264: 'h264-640x480-25-g50', hevc: 'hevc-640x360-25-g50' });
  });
  afterAll(async () => {
    await scene.dispose();
  });

  it.each([
    ['--unary', 'h264'],
    ['--bidi', 'h264'],
    ['--each', 'h264'],
    ['--unary', 'hevc'],
    ['--bidi', 'hevc'],
  ])('called with %s gets every picture of %s whole, in order, none twice', async (form, device) => {
    const frames: Readonly<Record<string, unknown>>[] = [];
    const missing = (): number[] =>
      missingSteps(
        frames.map(({ frame_id }) => ({ frame_id: Number(frame_id) })),
        GOP,
      );
    for (let runs = 0; runs < MAX_RUNS && missing().length > 0; runs += 1) {
      const options = [form, '--device', device, '--skip', '10', '--frames', '100', '--verify'];
      const { exitCode, complaints, lines } = await pythonClient(scene.proxy.grpcAddress, ...options);
      expect({ exitCode, complaints }).toEqual({ exitCode: 0, complaints: '' });
      frames.push(...lines);
    }
    expect(missing()).toEqual([]);
    for (const frame of frames) {
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

  it.each(['--unary', '--bidi'])('called with %s gets only keyframes when it asks for keyframes', async (form) => {
    const { exitCode, complaints } = await pythonClient(
      scene.proxy.grpcAddress,
      ...[form, '--device', 'h264', '--frames', '4', '--keyframes', '--verify'],
    );
    expect(complaints).toBe('');
    expect(exitCode).toBe(0);
  });

  it('gets NOT_FOUND for an unknown camera', async () => {
    const { exitCode, lines } = await pythonClient(scene.proxy.grpcAddress, '--unary', '--device', 'nobody');
    expect(exitCode).toBe(2);
    expect(lines).toMatchObject([{ error: 'NOT_FOUND' }]);
  });

  it('finds the services by reflection, and the health service', async () => {
    const { lines } = await pythonClient(scene.proxy.grpcAddress, '--services');
    expect(lines[0]?.serving).toBe(true);
    expect(lines[0]?.reflection).toContain('chrys.cloud.videostreaming.v1beta1.Image');
  });
});
