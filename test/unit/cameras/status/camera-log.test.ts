import { beforeEach, describe, expect, it } from 'vitest';

import { createLogger } from '../../../../src/base/log.js';
import { CameraLog } from '../../../../src/cameras/status/camera-log.js';
import { LogRing } from '../../../../src/cameras/status/log-ring.js';
import type { CameraState } from '../../../../src/cameras/types.js';
import { StillClock } from '../../fixtures/still-clock.js';

const URL = 'rtsp://user:***@cam/a';

let clock: StillClock;
let log: CameraLog;
let written: { readonly level: string; readonly msg: string }[];

beforeEach(() => {
  clock = new StillClock();
  written = [];
  const stream = { write: (line: string) => written.push(JSON.parse(line) as { level: string; msg: string }) };
  log = new CameraLog(createLogger({ mode: 'debug', stream }), clock);
});

const above = (level: string): number => written.filter((line) => line.level !== level).length;

function waiting(message: string): CameraState {
  return { phase: 'reconnecting', sinceMs: 0, message, failingStreak: 1, nextAttemptMs: clock.nowMs() + 5000 };
}

describe("a camera's own log", () => {
  it('keeps the newest 100 lines, oldest first', () => {
    const ring = new LogRing();
    for (let line = 1; line <= 250; line++) ring.add({ timeMs: line, level: 'info', text: `line ${line}` });
    expect(ring.lines).toHaveLength(100);
    expect(ring.lines[0]?.text).toBe('line 151');
    expect(ring.lines.at(-1)?.text).toBe('line 250');
  });

  it('keeps fewer lines in order, too', () => {
    const ring = new LogRing();
    for (const text of ['a', 'b', 'c']) ring.add({ timeMs: 1, level: 'info', text });
    expect(ring.lines.map(({ text }) => text)).toEqual(['a', 'b', 'c']);
  });

  it('cuts off a line of a megabyte', () => {
    const ring = new LogRing();
    ring.add({ timeMs: 1, level: 'warn', text: 'x'.repeat(1_000_000) });
    expect(ring.lines[0]?.text.length).toBeLessThan(1100);
  });

  it('returns a copy that later lines do not change', () => {
    log.own('info', 'first');
    const before = log.lines;
    log.own('info', 'second');
    expect(before).toHaveLength(1);
  });
});

describe("the process's log", () => {
  it('has a failure once, and its repetitions only at debug level', () => {
    for (let retry = 0; retry < 10; retry++) log.stateChanged(waiting('nothing listens'), URL);
    expect(above('debug')).toBe(1);
    expect(written[0]?.msg).toContain('nothing listens. Next attempt in 5.0 s.');
    expect(log.lines).toHaveLength(10);
  });

  it('has another failure', () => {
    log.stateChanged(waiting('nothing listens'), URL);
    log.stateChanged(waiting('wrong password'), URL);
    expect(above('debug')).toBe(2);
  });

  it('has the same failure again after the camera ran', () => {
    log.stateChanged(waiting('no video'), URL);
    log.stateChanged({ phase: 'running', sinceMs: 0, message: '', failingStreak: 0 }, URL);
    log.stateChanged(waiting('no video'), URL);
    expect(written.map(({ level }) => level)).toEqual(['warn', 'info', 'warn']);
  });

  it('has 20 lines of libav a minute, and a line that says that there are more', () => {
    for (let line = 0; line < 1000; line++) log.fromCapture('warn', `odd NAL unit ${line}`, true);
    expect(above('debug')).toBe(21);
    clock.advance(60_000);
    log.fromCapture('warn', 'one more', true);
    expect(above('debug')).toBe(22);
    expect(log.lines).toHaveLength(100);
  });

  it('has one decode error a second, with the number of errors that were left out', () => {
    for (let picture = 0; picture < 75; picture++) {
      log.fromCapture('error', 'damaged macroblock', true);
      clock.advance(40);
    }
    log.fromCapture('error', 'one more', true);
    const more = 'damaged macroblock (and 24 more errors before this one)';
    const texts = ['damaged macroblock', more, more, 'one more (and 24 more errors before this one)'];
    expect(log.lines.map(({ text }) => text)).toEqual(texts);
    expect(written.map(({ msg }) => msg)).toEqual(texts);
  });

  it('has no lines of libav while a stream is being opened, because the next state says the same', () => {
    log.fromCapture('error', 'method DESCRIBE failed: 404', false);
    expect(above('debug')).toBe(0);
    expect(log.lines[0]?.text).toBe('method DESCRIBE failed: 404');
  });
});
