import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { CameraState } from '../../../src/cameras/types.js';
import { ANY_FRAME } from '../../support/frame-options.js';
import { pause, waitFor } from '../../support/wait.js';
import { Supervision, camera, elapsedMs, hurriedClock } from '../fixtures/supervision.js';

/** The limit is 300 ms. A busy machine gets more, but far less than the 3 s for which the fake worker hangs. */
const AT_ONCE_MS = 1500;

let supervision: Supervision;

beforeEach(() => {
  supervision = new Supervision();
});

afterEach(async () => {
  await supervision.supervisor.stopAll();
});

describe('a camera that is added', () => {
  it('is stored, opened and running', async () => {
    const { supervisor } = supervision;
    const states: CameraState[] = [];
    supervisor.onStateChange(({ state }) => states.push(state));
    const added = supervisor.add(camera('yard', 'run'));
    expect(supervisor.get('yard')).toBe(added);
    expect(supervisor.list()).toEqual([added]);
    await supervision.reaches('yard', 'running');
    expect(states.map(({ phase }) => phase)).toEqual(['connecting', 'running']);
    expect(added.state).toMatchObject({ message: '', failingStreak: 0 });
    expect(added.state.reason).toBeUndefined();
    expect(added.stream).toMatchObject({ codecName: 'h264', width: 640, timeBaseDen: 90_000 });
    expect(supervision.stored.has('yard')).toBe(true);
  });

  it('is not stored when it is ephemeral, and can be removed', async () => {
    supervision.supervisor.add(camera('demo', 'run'), { ephemeral: true });
    expect(supervision.stored.size).toBe(0);
    await supervision.supervisor.remove('demo');
    expect(supervision.supervisor.list()).toEqual([]);
  });

  it.each([
    ['a name with a slash', camera('../x', 'run'), 'invalid_argument', /characters/],
    ['a name of a dot', camera('.', 'run'), 'invalid_argument', /characters/],
    ['an empty name', camera('', 'run'), 'invalid_argument', /characters/],
    ['a name of 129 characters', camera('n'.repeat(129), 'run'), 'invalid_argument', /1 to 128/],
    [
      'a scheme that is not allowed',
      { ...camera('a', 'run'), rtspEndpoint: 'file:/etc/passwd' },
      'invalid_argument',
      /rtsp:/,
    ],
    ['a taken name', camera('taken', 'run'), 'already_exists', /taken/],
  ])('is refused for %s', (_what, definition, kind, message) => {
    const { supervisor, stored } = supervision;
    supervisor.add(camera('taken', 'run'));
    const before = stored.size;
    expect(() => supervisor.add(definition)).toThrow(
      expect.objectContaining({ kind, message: expect.stringMatching(message) as string }),
    );
    expect(stored.size).toBe(before);
    expect(supervisor.list()).toHaveLength(1);
  });

  it('is refused when there are too many', () => {
    const few = new Supervision({ maxCameras: 1 });
    few.supervisor.add(camera('a', 'run'));
    expect(() => few.supervisor.add(camera('b', 'run'))).toThrow(
      expect.objectContaining({
        kind: 'resource_exhausted',
        message: expect.stringContaining('max_cameras is 1') as string,
      }),
    );
    return few.supervisor.stopAll();
  });

  it('is refused once everything is stopped', async () => {
    await supervision.supervisor.stopAll();
    expect(() => supervision.supervisor.add(camera('a', 'run'))).toThrow(
      expect.objectContaining({ kind: 'unavailable' }),
    );
  });

  it('may have the name of a property of every JavaScript object', async () => {
    supervision.supervisor.add(camera('constructor', 'run'));
    await supervision.reaches('constructor', 'running');
  });
});

describe('a camera that is changed', () => {
  it('is stored with the change, and does not reconnect', async () => {
    const { supervisor, stored } = supervision;
    const events: string[] = [];
    supervisor.onEvent((event, { definition }) => events.push(`${event} ${definition.name}`));
    supervisor.add(camera('yard', 'run'));
    const running = await supervision.reaches('yard', 'running');
    expect(supervisor.update('yard', { record: true }).definition).toMatchObject({ record: true, recordAudio: false });
    expect(supervisor.update('yard', { recordAudio: true })).toBe(running);
    expect(stored.get('yard')).toMatchObject({ record: true, recordAudio: true, createdMs: 1 });
    expect(stored.get('yard')?.modifiedMs).toBeGreaterThan(1);
    supervisor.update('yard', { record: null });
    expect(stored.get('yard')).not.toHaveProperty('record');
    expect(running.stats.reconnects).toBe(0);
    await supervisor.remove('yard');
    expect(events).toEqual([
      'added yard',
      'stream yard',
      'changed yard',
      'changed yard',
      'changed yard',
      'removed yard',
    ]);
    expect(running.packets.periods).toEqual([{ fromSequence: 7, stream: running.stream }]);
  });

  it('is not stored when it is ephemeral', () => {
    const { supervisor, stored } = supervision;
    supervisor.add(camera('demo', 'run'), { ephemeral: true });
    expect(supervisor.update('demo', { record: false }).definition.record).toBe(false);
    expect(stored.size).toBe(0);
  });

  it('is unchanged when the change cannot be stored', () => {
    const update = (): void => {
      throw new Error('the disk is full');
    };
    const registry = {
      list: () => [],
      insert: () => undefined,
      update,
      remove: () => undefined,
      learned: () => undefined,
      learn: () => undefined,
    };
    const full = new Supervision({ registry });
    full.supervisor.add(camera('yard', 'run'));
    expect(() => full.supervisor.update('yard', { record: true })).toThrow('the disk is full');
    expect(full.supervisor.get('yard').definition).not.toHaveProperty('record');
    return full.supervisor.stopAll();
  });
});

it('an unknown camera is not_found, and the message suggests a similar name', () => {
  supervision.supervisor.add(camera('entrance', 'run'));
  expect(() => supervision.supervisor.get('entrence')).toThrow(
    expect.objectContaining({ kind: 'not_found', message: expect.stringMatching(/"entrence".*"entrance"/) as string }),
  );
  expect(() => supervision.supervisor.get('constructor')).toThrow(expect.objectContaining({ kind: 'not_found' }));
});

describe('a camera that fails', () => {
  it('has a reason, and is retried until it runs', async () => {
    supervision.supervisor.add(camera('a', 'protocol_error,no_video,run'));
    const found = await supervision.reaches('a', 'reconnecting');
    expect(found.state).toMatchObject({ reason: 'protocol_error', failingStreak: 1 });
    expect(found.state.message).toMatch(/RTSP/);
    await supervision.reaches('a', 'running');
    expect(found.stats.packets).toBe(3);
    expect(found.stats.lastError).toMatch(/no video/);
  });

  it('counts reconnects after the stream was open', async () => {
    supervision.supervisor.add(camera('a', 'refused,blink,blink,run'));
    const found = await supervision.reaches('a', 'running');
    await waitFor('the third opening', 15_000, () => found.stats.reconnects === 2);
    expect(found.state.lastDisconnectedMs).toBeDefined();
  });

  it('has failed and is not retried when no retry can help', async () => {
    supervision.supervisor.add(camera('a', 'unsupported_codec,run'));
    const found = await supervision.reaches('a', 'failed');
    await pause(300);
    expect(found.stats.packets).toBe(1);
    expect(found.state.nextAttemptMs).toBeUndefined();
  });

  it('is not retried soon after it refused the password', async () => {
    supervision.supervisor.add(camera('a', 'unauthorized,run'));
    const found = await supervision.reaches('a', 'reconnecting');
    expect((found.state.nextAttemptMs ?? 0) - Date.now()).toBeGreaterThan(45_000);
  });

  it('is logged once as a warning, and its repetitions at debug level', async () => {
    supervision.supervisor.add(camera('a', 'no_video'));
    await supervision.attempts('a', 4);
    const lines = supervision.logged.filter(({ msg }) => msg.includes('The stream has no video'));
    expect(lines.length).toBeGreaterThanOrEqual(3);
    expect(lines.map(({ level }) => level)).toEqual(['warn', ...lines.slice(1).map(() => 'debug')]);
  });

  it('never shows its password', async () => {
    supervision.supervisor.add(camera('a', 'tell', 'admin:geheim@127.0.0.1:1'));
    await supervision.attempts('a', 2);
    const found = await supervision.reaches('a', 'reconnecting');
    const shown = JSON.stringify([found.state, found.stats, found.log, supervision.logged]);
    expect(shown).toContain('rtsp://admin:***@127.0.0.1');
    expect(shown).toContain('with ***');
    expect(shown).not.toContain('geheim');
  });
});

describe('a worker thread that crashes', () => {
  it.each([
    ['throws', 'crash', 'a bug in the worker'],
    ['ends by itself', 'exit', 'code 3'],
  ])('is started again after it %s, for its camera only', async (_what, word, message) => {
    const { supervisor } = supervision;
    supervisor.add(camera('other', 'run'));
    const other = await supervision.reaches('other', 'running');
    const seen: CameraState[] = [];
    supervisor.onStateChange(({ definition, state }) => {
      if (definition.name === 'a') seen.push(state);
    });
    supervisor.add(camera('a', `${word},run`));
    await waitFor('the crash', 15_000, () => seen.some(({ reason }) => reason === 'worker_crashed'));
    const crashed = await supervision.reaches('a', 'running');
    expect(seen.find(({ reason }) => reason === 'worker_crashed')?.message.toLowerCase()).toContain(message);
    expect(crashed.stats.packets).toBe(2);
    expect(other.state.phase).toBe('running');
    expect(other.stats.packets).toBe(1);
  });

  it('backs off when it crashes each time', async () => {
    const slow = new Supervision({ clock: hurriedClock(1) });
    slow.supervisor.add(camera('a', 'exit'));
    const found = await slow.reaches('a', 'reconnecting');
    await pause(500);
    expect(found.stats.packets).toBe(1);
    await slow.supervisor.stopAll();
  });

  it('affects only its camera when it cannot be loaded', async () => {
    const broken = new Supervision({ workerUrl: new URL('./fixtures/there-is-no-such-worker.mjs', import.meta.url) });
    broken.supervisor.add(camera('a', 'run'));
    expect((await broken.reaches('a', 'reconnecting')).state.reason).toBe('worker_crashed');
    await broken.supervisor.stopAll();
  });
});

describe('a camera that is removed', () => {
  it.each([
    ['running', 'run', 'running'],
    ['opening', 'connect', 'connecting'],
    ['backing off', 'unauthorized', 'reconnecting'],
    ['failed', 'unsupported_codec', 'failed'],
    ['in a thread that hangs', 'hang', 'connecting'],
  ] as const)('while %s ends at once', async (_what, script, phase) => {
    const { supervisor, stored } = supervision;
    supervisor.add(camera('a', script));
    const removed = await supervision.reaches('a', phase);
    await supervision.attempts('a', 1);
    expect(await elapsedMs(() => supervisor.remove('a'))).toBeLessThan(AT_ONCE_MS);
    expect(removed.state.phase).toBe('stopped');
    expect(stored.size).toBe(0);
    expect(() => supervisor.get('a')).toThrow(expect.objectContaining({ kind: 'not_found' }));
    await expect(supervisor.remove('a')).rejects.toMatchObject({ kind: 'not_found' });
  });

  it('counts as a hanging thread until its thread ends', async () => {
    const { supervisor } = supervision;
    supervisor.add(camera('a', 'hang'));
    await supervision.attempts('a', 1);
    await supervisor.remove('a');
    await waitFor('the thread to be given up', 15_000, () => supervisor.hangingThreads === 1);
    await waitFor('the thread to end', 15_000, () => supervisor.hangingThreads === 0);
  });

  it('can be added again under its name at once', async () => {
    const { supervisor } = supervision;
    supervisor.add(camera('a', 'run'));
    const first = await supervision.reaches('a', 'running');
    const removed = supervisor.remove('a');
    const second = supervisor.add(camera('a', 'run'));
    await removed;
    expect(second).not.toBe(first);
    await supervision.reaches('a', 'running');
    expect(first.state.phase).toBe('stopped');
  });

  it('ends the waits of its callers', async () => {
    const { supervisor } = supervision;
    const added = supervisor.add(camera('a', 'run'));
    const settle = vi.fn();
    added.frames.request({ ...ANY_FRAME, waitMs: 60_000 }, settle);
    await supervisor.remove('a');
    expect(settle).toHaveBeenCalledExactlyOnceWith(undefined);
  });
});

describe('a restart', () => {
  it('starts the stored cameras, also when the definition of one is not valid', async () => {
    const { supervisor, stored } = supervision;
    for (const name of ['a', 'b', 'c']) stored.set(name, camera(name, 'run'));
    stored.set('old', { ...camera('old', 'run'), rtspEndpoint: 'http://admin:geheim@cam/x' });
    supervisor.startAll();
    expect(supervisor.list().map(({ definition }) => definition.name)).toEqual(['a', 'b', 'c', 'old']);
    for (const name of ['a', 'b', 'c']) await supervision.reaches(name, 'running');
    const { state } = await supervision.reaches('old', 'failed');
    expect(state.message).toMatch(/http/);
    expect(state.message).not.toContain('geheim');
    expect(stored.size).toBe(4);
  });

  it('keeps the range of a replay whose scheme is no longer allowed, and does not play it', async () => {
    const { supervisor, stored } = supervision;
    stored.set('a', { ...camera('a', ''), rtspEndpoint: 'replay:yard?from=1000&to=2000' });
    supervisor.startAll();
    const { state, source } = await supervision.reaches('a', 'failed');
    expect(state.message).toContain('sources.schemes');
    expect(source).toMatchObject({ kind: 'replay', camera: 'yard', fromMs: 1000, toMs: 2000 });
    expect(supervisor.retry('a').state.phase).toBe('failed');
  });

  it('waits for a file that does not exist yet', async () => {
    const withFiles = new Supervision({ allowedSchemes: ['file'] });
    withFiles.stored.set('a', { ...camera('a', ''), rtspEndpoint: 'file:/mnt/not-mounted/a.mp4' });
    withFiles.supervisor.startAll();
    // The fake worker reads its script from the path. This test needs only that a capture began.
    expect(withFiles.supervisor.get('a').state.phase).toBe('connecting');
    await withFiles.supervisor.stopAll();
  });
});

it('stops all cameras quickly, also when one hangs', async () => {
  const { supervisor } = supervision;
  for (const name of ['a', 'b', 'c']) supervisor.add(camera(name, 'run'));
  supervisor.add(camera('d', 'hang'));
  supervisor.add(camera('e', 'connect'));
  for (const name of ['a', 'b', 'c']) await supervision.reaches(name, 'running');
  await supervision.attempts('d', 1);
  expect(await elapsedMs(() => supervisor.stopAll())).toBeLessThan(AT_ONCE_MS);
  expect(supervisor.list().map(({ state }) => state.phase)).toEqual(Array(5).fill('stopped'));
  expect(supervisor.hangingThreads).toBe(1);
});

it('a listener that throws does not affect the camera or other listeners', async () => {
  const { supervisor } = supervision;
  const heard: string[] = [];
  supervisor.onStateChange(() => {
    throw new Error('a bug in a listener');
  });
  const off = supervisor.onStateChange(({ state }) => heard.push(state.phase));
  supervisor.add(camera('a', 'run'));
  await supervision.reaches('a', 'running');
  expect(heard).toEqual(['connecting', 'running']);
  off();
  await supervisor.remove('a');
  expect(heard).toEqual(['connecting', 'running']);
});
