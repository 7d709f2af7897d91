import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LiveText } from '../../../src/cli/screen.js';
import { runCli, type CliOptions, type CliResult } from './fixture.js';
import { NOW_MS, startRest, type RestFixture } from '../rest/fixture.js';

let rest: RestFixture;
beforeEach(async () => {
  rest = await startRest();
  for (const name of ['gate', 'yard']) {
    await rest.post('/api/v1/process', { name, rtsp_endpoint: `rtsp://10.0.0.1/${name}` });
  }
  rest.cameras.get('yard').state = { phase: 'running', sinceMs: NOW_MS, message: '', failingStreak: 0 };
  let samples = 0;
  const { stats } = rest.cameras.get('yard');
  Object.defineProperty(rest.cameras.get('yard'), 'stats', {
    get: () => {
      samples += 1;
      return { ...stats, bytes: samples * 125_000, decodeUs: samples * 100_000, callers: 3, decoding: 'interval' };
    },
  });
});
afterEach(() => rest.close());

const chrysproxy = (args: readonly string[], options: CliOptions = {}): Promise<CliResult> =>
  runCli(rest.port, args, options);

describe('watch', () => {
  it('prints the state of all cameras once with --once', async () => {
    const { exitCode, out, err } = await chrysproxy(['watch', '--once']);
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' });
    const [head, gate, yard] = out.split('\n');
    expect(head).toMatch(/^NAME +STATE +FPS IN +KBIT\/S +DECODED +CPU +CALLERS +AGE +MESSAGE$/);
    expect(gate).toMatch(/^gate +created +- +0 +idle +0\.0 % +0 +\d+ ms$/);
    expect(yard).toMatch(/^yard +running +25 +\d+ +interval +\d+\.\d % +3 +\d+ ms$/);
  });

  it('prints one camera as JSON, with rates between two samples', async () => {
    const { out } = await chrysproxy(['watch', 'yard', '--once', '--json']);
    const { time, cameras } = JSON.parse(out) as { time: number; cameras: { cpu: number; bitrate_kbps: number }[] };
    expect(time).toBeGreaterThanOrEqual(NOW_MS);
    expect(cameras).toEqual([
      {
        name: 'yard',
        phase: 'running',
        message: '',
        fps: 25,
        bitrate_kbps: expect.any(Number),
        decoding: 'interval',
        cpu: expect.any(Number),
        callers: 3,
        age_ms: expect.any(Number),
      },
    ]);
    // 125 kB and 0.1 s of work per second; less when the interval was longer than a second.
    const { bitrate_kbps: rate, cpu } = cameras[0]!;
    expect(rate).toBeGreaterThan(100);
    expect(rate).toBeLessThanOrEqual(1010);
    expect(cpu / rate).toBeCloseTo(0.0001, 5);
  });

  it('runs until Ctrl-C, and then ends with 0', async () => {
    const stop = new AbortController();
    let shown = 0;
    const { exitCode, out } = await chrysproxy(['watch', '--json'], {
      interrupted: stop.signal,
      onOut: () => {
        shown += 1;
        if (shown === 2) stop.abort();
      },
    });
    expect(exitCode).toBe(0);
    expect(out.trim().split('\n')).toHaveLength(2);
  });

  it('waits for a proxy that stopped, and shows this on a terminal', async () => {
    const stop = new AbortController();
    const shown: string[] = [];
    const { exitCode, out } = await chrysproxy(['watch'], {
      interrupted: stop.signal,
      screen: { size: () => ({ columns: 200, rows: 24 }) },
      onOut: (text) => {
        shown.push(text);
        if (shown.length === 1) void rest.close();
        if (shown.length === 2) stop.abort();
      },
    });
    expect(exitCode).toBe(0);
    expect(shown[0]).toContain('yard');
    expect(shown[1]).toContain('No proxy answers');
    expect(out.endsWith('\u001b[?25h')).toBe(true);
  });

  it('ends with 4 for an unknown camera, and with 3 without a proxy', async () => {
    expect(await chrysproxy(['watch', 'nobody', '--once'])).toMatchObject({ exitCode: 4, out: '' });
    await rest.close();
    expect(await chrysproxy(['watch', '--once'])).toMatchObject({ exitCode: 3, out: '' });
  });
});

describe('a text that is replaced in place', () => {
  it('moves the cursor up by the lines of the last text, and cuts what does not fit', () => {
    const shown: string[] = [];
    const text = new LiveText(
      { size: () => ({ columns: 6, rows: 4 }) },
      { out: (content) => void shown.push(String(content)) },
    );
    text.show('one\ntwo\n');
    text.show('1234567890\nb\nc\nd\n');
    text.end();
    expect(shown).toEqual(['\u001b[?25l\u001b[Jone\ntwo\n', '\u001b[2A\r\u001b[J12345\nb\n… and\n', '\u001b[?25h']);
  });
});
