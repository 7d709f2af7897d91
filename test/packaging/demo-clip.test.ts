import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const CLIP = 'config/demo.mp4';

interface Probed {
  readonly streams: readonly {
    readonly codec_name: string;
    readonly width: number;
    readonly height: number;
    readonly avg_frame_rate: string;
    readonly has_b_frames: number;
    readonly nb_frames: string;
  }[];
  readonly packets: readonly { readonly flags: string }[];
}

function probe(): Probed {
  const { stdout, stderr, error } = spawnSync(
    'ffprobe',
    ['-v', 'error', '-of', 'json', '-show_streams', '-show_packets', CLIP],
    { encoding: 'utf8', timeout: 30_000, maxBuffer: 16 * 1024 * 1024 },
  );
  if (error !== undefined) throw error;
  expect(stderr).toBe('');
  return JSON.parse(stdout) as Probed;
}

describe('config/demo.mp4', () => {
  it('is a small clip like that of a simple camera: H.264, 640x360, 25 fps, no B-frames, no audio', () => {
    expect(statSync(CLIP).size).toBeLessThan(500_000);
    expect(probe().streams).toMatchObject([
      { codec_name: 'h264', width: 640, height: 360, avg_frame_rate: '25/1', has_b_frames: 0 },
    ]);
  });

  it('has a keyframe every two seconds, also from its end to its start in a loop', () => {
    const { packets } = probe();
    const keyframes = packets.flatMap(({ flags }, index) => (flags.startsWith('K') ? [index] : []));
    expect(keyframes).toEqual([0, 50, 100, 150, 200, 250]);
    expect(packets.length).toBe(300);
  });
});
