import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { ProbeOptions } from '../../../../src/cameras/probe/probe-types.js';
import { pause, waitFor } from '../../../support/wait.js';
import { Supervision, camera, elapsedMs, hurriedClock } from '../../fixtures/supervision.js';

/** Time after which the fake worker's camera answers TEARDOWN. */
const TEARDOWN_MS = 1000;
const CAM = '127.0.0.1:1';
const OTHER_CAM = '127.0.0.1:2';
const BOUND_MS = 15_000;
const PROBE_OPTIONS: ProbeOptions = { transport: 'auto', tlsVerify: 'pin', timeoutMs: 10_000 };

let supervision: Supervision;

beforeEach(() => {
  supervision = new Supervision({ clock: hurriedClock(1) });
});

afterEach(async () => {
  await supervision.supervisor.stopAll();
});

describe('a camera that answers TEARDOWN late', () => {
  it('is removed at once, and its thread ends in the background', async () => {
    const { supervisor, wakes } = supervision;
    supervisor.add(camera('a', 'teardown', CAM));
    await supervision.reaches('a', 'running');
    expect([...wakes.values()]).toEqual([0]);
    await supervisor.remove('a');
    // The thread was woken in order to end, and has not ended yet.
    expect([...wakes.values()]).toEqual([1]);
    await waitFor('the thread to end', BOUND_MS, () => wakes.size === 0);
    expect(supervisor.hangingThreads).toBe(0);
  });

  it('delays the next connection to the same host and port, and no other', async () => {
    const { supervisor } = supervision;
    supervisor.add(camera('a', 'teardown', CAM));
    await supervision.reaches('a', 'running');
    await supervisor.remove('a');
    const next = supervisor.add(camera('a', 'run', CAM));
    supervisor.add(camera('b', 'run', OTHER_CAM));
    await supervision.reaches('b', 'running');
    // Each thread has an open descriptor: that of the first connection, that of the next one once it begins, and that of b.
    expect(next.stats.packets === 0 || supervision.wakes.size < 3).toBe(true);
    await supervision.reaches('a', 'running');
  });

  it('delays a probe, too', async () => {
    const { supervisor } = supervision;
    supervisor.add(camera('a', 'teardown', CAM));
    await supervision.reaches('a', 'running');
    const removed = supervisor.remove('a');
    const tookMs = await elapsedMs(() =>
      supervisor.probe(`rtsp://${CAM}/refused`, PROBE_OPTIONS).catch(() => undefined),
    );
    expect(tookMs).toBeGreaterThan(TEARDOWN_MS - 50);
    await removed;
  });

  it('can be removed while the next connection waits, which then never begins', async () => {
    const { supervisor } = supervision;
    supervisor.add(camera('a', 'teardown', CAM));
    await supervision.reaches('a', 'running');
    await supervisor.remove('a');
    const next = supervisor.add(camera('a', 'run', CAM));
    await supervisor.remove('a');
    await pause(TEARDOWN_MS + 200);
    expect(next.stats.packets).toBe(0);
    expect(next.state.phase).toBe('stopped');
  });

  it('gets less time when the process ends, also after it was removed', async () => {
    const { supervisor, wakes, learned } = supervision;
    supervisor.add(camera('a', 'teardown', CAM));
    supervisor.add(camera('b', 'teardown', OTHER_CAM));
    await supervision.reaches('a', 'running');
    await supervision.reaches('b', 'running');
    const removed = supervisor.remove('a');
    await supervisor.stopAll();
    expect(supervisor.hangingThreads).toBe(0);
    expect(wakes.size).toBeLessThanOrEqual(1);
    await removed;
    // The last facts of a stored camera are kept, and those of a removed one are not.
    expect([...learned.keys()]).toEqual(['b']);
  });
});

describe('a change of connection settings', () => {
  it.each([
    ['transport', { transport: 'udp' }],
    ['tls_verify', { tlsVerify: 'none' }],
    ['max_pixels', { maxPixels: 5000 }],
    ['record_audio', { recordAudio: true }],
  ] as const)('of %s reconnects the camera', async (_what, changes) => {
    const { supervisor } = supervision;
    supervisor.add(camera('a', 'run', CAM));
    const found = await supervision.reaches('a', 'running');
    supervisor.update('a', changes);
    await waitFor('the second connection', BOUND_MS, () => found.stats.reconnects === 1);
    expect(found.stats.packets).toBe(2);
    expect(supervision.stored.get('a')).toMatchObject(changes);
  });

  it('does not wait for the end of the back-off', async () => {
    const { supervisor } = supervision;
    supervisor.add(camera('a', 'transport_refused,certificate_changed,run', CAM));
    await supervision.attempts('a', 2);
    await supervision.reaches('a', 'reconnecting');
    supervisor.update('a', { tlsVerify: 'none' });
    await supervision.reaches('a', 'running');
  });
});

describe('a retry request', () => {
  it.each([
    ['waits after a wrong password', 'unauthorized,run', 'reconnecting'],
    ['has failed', 'unsupported_codec,run', 'failed'],
  ] as const)('opens a camera that %s at once', async (_what, script, phase) => {
    const { supervisor } = supervision;
    supervisor.add(camera('a', script, CAM));
    await supervision.reaches('a', phase);
    expect(supervisor.retry('a').definition.name).toBe('a');
    await supervision.reaches('a', 'running');
  });

  it('does nothing while the camera runs', async () => {
    const { supervisor } = supervision;
    supervisor.add(camera('a', 'run', CAM));
    const found = await supervision.reaches('a', 'running');
    supervisor.retry('a');
    await pause(100);
    expect(found.stats.packets).toBe(1);
    expect(() => supervisor.retry('nobody')).toThrow(expect.objectContaining({ kind: 'not_found' }));
  });
});

describe('the learned facts of a camera', () => {
  it('are stored rarely, shown, and passed to the next connection', async () => {
    const { supervisor, learned } = supervision;
    supervisor.add(camera('a', 'learn', CAM));
    const found = await supervision.reaches('a', 'running');
    expect(found.learned?.usualGapMs).toBe(50);
    expect(supervision.learnings).toBeLessThan(5);
    supervisor.update('a', { transport: 'udp' });
    await waitFor('the next facts', BOUND_MS, () => found.learned?.usualGapMs === 100);
    await supervisor.stopAll();
    expect(learned.get('a')?.usualGapMs).toBe(100);
  });

  it('are kept over a restart', async () => {
    const first = new Supervision();
    first.supervisor.add(camera('a', 'learn', CAM));
    await first.reaches('a', 'running');
    await first.supervisor.stopAll();
    const facts = first.learned.get('a');
    if (facts === undefined) throw new Error('No facts were stored');
    supervision.stored.set('a', camera('a', 'learn', CAM));
    supervision.learned.set('a', facts);
    supervision.supervisor.startAll();
    const found = await supervision.reaches('a', 'running');
    expect(found.learned?.usualGapMs).toBe(100);
  });

  it('are deleted on request, and the camera reconnects', async () => {
    const { supervisor } = supervision;
    supervisor.add(camera('a', 'learn', CAM));
    const found = await supervision.reaches('a', 'running');
    supervisor.retry('a', { forget: true });
    await waitFor('the second connection', BOUND_MS, () => found.stats.reconnects === 1);
    expect(found.learned?.usualGapMs).toBe(50);
  });

  it('are not stored for the camera of --demo', async () => {
    const { supervisor, learned } = supervision;
    supervisor.add(camera('demo', 'learn', CAM), { ephemeral: true });
    await supervision.reaches('demo', 'running');
    expect(learned.size).toBe(0);
  });

  it('do no harm when they cannot be stored, which is logged', async () => {
    const learn = (): void => {
      throw new Error('the disk is full');
    };
    const registry = { list: () => [], insert: () => undefined, update: () => undefined, remove: () => undefined };
    const full = new Supervision({ registry: { ...registry, learned: () => undefined, learn } });
    full.supervisor.add(camera('a', 'learn', CAM));
    await full.reaches('a', 'running');
    expect(full.logged.map(({ msg }) => msg)).toContain(
      'The learned facts of the camera cannot be stored: the disk is full',
    );
    await full.supervisor.stopAll();
  });
});

describe('a probe', () => {
  it('of the stream of a running camera makes no connection', async () => {
    const { supervisor, wakes } = supervision;
    supervisor.add(camera('a', 'show', `admin:geheim@${CAM}`));
    await supervision.reaches('a', 'running');
    const found = await supervisor.probe(`rtsp://${CAM}/show`, PROBE_OPTIONS);
    expect(found).toMatchObject({ codec: 'h264', width: 640, transport: 'tcp', openMs: 0, camera: 'a' });
    expect(wakes.size).toBe(1);
  });

  it('of another stream connects, and its thread ends', async () => {
    const { supervisor, wakes } = supervision;
    supervisor.add(camera('a', 'show', CAM));
    await supervision.reaches('a', 'running');
    const found = await supervisor.probe(`rtsp://${OTHER_CAM}/show`, { ...PROBE_OPTIONS, transport: 'udp' });
    expect(found).toMatchObject({ codec: 'h264', width: 640, transport: 'udp' });
    expect(found).not.toHaveProperty('camera');
    await waitFor('the thread to end', BOUND_MS, () => wakes.size === 1);
  });

  it.each([
    ['unauthorized', 'unauthenticated', /user name or password/],
    ['credentials_needed', 'unauthenticated', /needs a user name and a password/],
    ['session_limit', 'resource_exhausted', /allows no further session/],
    ['transport_refused', 'failed_precondition', /461/],
    ['refused', 'unavailable', /Nothing listens/],
  ])('that ends with %s is %s', async (end, kind, says) => {
    await expect(supervision.supervisor.probe(`rtsp://u:geheim@${CAM}/${end}`, PROBE_OPTIONS)).rejects.toMatchObject({
      kind,
      message: expect.stringMatching(says) as string,
    });
  });

  it('is refused for a scheme that is not allowed, and when too many are in progress', async () => {
    const { supervisor } = supervision;
    await expect(supervisor.probe('file:/etc/passwd', PROBE_OPTIONS)).rejects.toMatchObject({
      kind: 'invalid_argument',
    });
    const probes = [1, 2, 3, 4].map((port) => supervisor.probe(`rtsp://127.0.0.1:${port}/show`, PROBE_OPTIONS));
    await expect(supervisor.probe(`rtsp://${CAM}/show`, PROBE_OPTIONS)).rejects.toMatchObject({
      kind: 'resource_exhausted',
    });
    await Promise.all(probes);
  });

  it('ends when its caller disconnects', async () => {
    const { supervisor, wakes } = supervision;
    const caller = new AbortController();
    const options = { ...PROBE_OPTIONS, timeoutMs: 600_000, signal: caller.signal };
    const refused = expect(supervisor.probe(`rtsp://${CAM}/connect`, options)).rejects.toMatchObject({
      kind: 'deadline_exceeded',
    });
    await waitFor('the thread of the probe', BOUND_MS, () => wakes.size === 1);
    caller.abort();
    await refused;
    expect(wakes.size).toBe(0);
  });
});
