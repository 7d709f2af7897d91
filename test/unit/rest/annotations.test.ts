import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NewAnnotation, ShownAnnotation } from '../../../src/annotations/annotation.js';
import { annotation, STORED_MS } from '../annotations/fixture.js';
import { runCli } from '../cli/fixture.js';
import { NOW_MS, startRest, type RestFixture } from './fixture.js';

let rest: RestFixture;
beforeEach(async () => {
  rest = await startRest();
});
afterEach(() => rest.close());

const shown = (number: number, changes: Partial<ShownAnnotation> = {}): ShownAnnotation => ({
  ...(annotation(number) as Omit<NewAnnotation, 'evidence'>),
  seq: number,
  state: 'set_aside',
  doneMs: STORED_MS + 500,
  reason: 'http://cloud/ answered 400',
  ...changes,
});

describe('the annotations', () => {
  const LIST = '/api/v1/annotations';

  it('are listed by camera, type and time, with what was sent', async () => {
    const delivered = shown(1, { state: 'delivered', reason: '' });
    rest.annotations.page = { items: [delivered], next: { startMs: STORED_MS + 1, seq: 7 } };
    const answer = await rest.get(`${LIST}?camera=yard&type=moving&from=5&to=9&after=6-3&limit=2`);
    expect(rest.annotations.queries).toEqual([
      { camera: 'yard', type: 'moving', fromMs: 5, toMs: 9, after: { startMs: 6, seq: 3 }, limit: 2 },
    ]);
    expect(answer.json()).toEqual({
      annotations: [
        {
          id: delivered.id,
          camera: 'yard',
          type: 'moving',
          start_timestamp: STORED_MS + 1,
          state: 'delivered',
          stored: STORED_MS + 1,
          delivered: STORED_MS + 500,
          annotation: { id: delivered.id, device_name: 'yard', custom_meta_1: '1' },
        },
      ],
      next: `${STORED_MS + 1}-7`,
    });
  });

  it.each(['after=7', 'after=x-1', 'limit=0', 'limit=1001', 'camera=', 'from=9&to=5', 'type=a&type=b'])(
    'are refused for %s',
    async (query) => {
      expect((await rest.get(`${LIST}?${query}`)).status).toBe(400);
      expect(rest.annotations.queries).toEqual([]);
    },
  );

  it('have a status', async () => {
    rest.annotations.state = { ...rest.annotations.state, queued: 3, inFlight: 2, oldestAgeMs: 65_000 };
    expect((await rest.get(`${LIST}/status`)).json()).toEqual({
      mode: 'cloud',
      queued: 3,
      in_flight: 2,
      delivered: 0,
      set_aside: 0,
      kept: 0,
      oldest_age_ms: 65_000,
      paused: null,
      next_attempt: null,
      last_error: null,
      last_error_at: null,
      redis: null,
    });
    rest.annotations.state = {
      ...rest.annotations.state,
      paused: 'Because.',
      lastError: 'No.',
      lastErrorMs: STORED_MS,
      redis: { connected: true, message: '', shared: 2, sender: 'other' },
    };
    expect((await rest.get(`${LIST}/status`)).json()).toMatchObject({
      redis: { connected: true, message: null, shared: 2, sender: 'other' },
    });
    const { out } = await runCli(rest.port, ['annotations', 'status']);
    expect(out).toContain('Waiting:       3 (2 being sent), the oldest for 1 min 5 s\n');
    expect(out).toContain('Paused:        Because.\n');
    expect(out).toContain('Shared queue:  2 of the waiting annotations are in it; another proxy sends\n');
    expect(out).toContain('Last error:    2026-01-02T03:04:05.000Z  No.\n');
  });

  it('that are set aside are listed in pages, with their reasons', async () => {
    rest.annotations.setAside = [shown(1), shown(2), shown(3)];
    const first = (await rest.get(`${LIST}/set-aside?limit=2`)).json() as { annotations: unknown[]; next: number };
    expect(first.annotations).toMatchObject([{ reason: 'http://cloud/ answered 400' }, { set_aside: STORED_MS + 500 }]);
    expect((await rest.get(`${LIST}/set-aside?after=${first.next}`)).json()).toMatchObject({
      annotations: [{ id: shown(3).id }],
    });
    expect((await rest.get(`${LIST}/set-aside?after=3`)).json()).toEqual({ annotations: [], next: null });
    const { out } = await runCli(rest.port, ['annotations', 'set-aside', '--limit', '2']);
    expect(out.split('\n')).toHaveLength(4);
    expect(out).toContain(`${shown(2).id}  yard    moving  2026-01-02T03:04:05.002Z  http://cloud/ answered 400`);
  });

  it('that are set aside can be queued again, all or some of them', async () => {
    rest.annotations.setAside = [shown(1), shown(2), shown(3)];
    const REQUEUE = `${LIST}/set-aside/requeue`;
    expect((await rest.post(REQUEUE, { all: true })).json()).toEqual({ requeued: 3 });
    expect((await rest.post(REQUEUE, { ids: [shown(2).id] })).json()).toEqual({ requeued: 1 });
    expect(rest.annotations.handled).toEqual([
      ['requeue', undefined],
      ['requeue', [shown(2).id]],
    ]);
    for (const body of [
      {},
      { ids: [] },
      { ids: ['x'] },
      { all: false },
      { all: true, ids: [shown(1).id] },
      undefined,
    ]) {
      expect((await rest.post(REQUEUE, body)).status).toBe(400);
    }
    expect((await runCli(rest.port, ['annotations', 'requeue'])).exitCode).toBe(2);
    expect((await runCli(rest.port, ['annotations', 'requeue', '--all'])).out).toBe(
      '3 annotations are queued again.\n',
    );
    expect(rest.annotations.handled).toHaveLength(3);
  });

  it('that are set aside can be deleted, all or some of them', async () => {
    rest.annotations.setAside = [shown(1), shown(2)];
    expect((await rest.post(`${LIST}/set-aside/discard`, { all: true })).json()).toEqual({ discarded: 2 });
    expect((await rest.post(`${LIST}/set-aside/discard`, {})).status).toBe(400);
    const { out } = await runCli(rest.port, ['annotations', 'discard', shown(1).id]);
    expect(out).toBe('1 annotations are deleted.\n');
    expect((await runCli(rest.port, ['annotations', 'discard'])).exitCode).toBe(2);
    expect(rest.annotations.handled).toEqual([
      ['discard', undefined],
      ['discard', [shown(1).id]],
    ]);
  });
});

describe('the keys', () => {
  it('are used as soon as they are set, and the command reads the secret from standard input', async () => {
    const { exitCode, out } = await runCli(rest.port, ['cloud', 'set-key', 'k'], { input: ' geheim \n' });
    expect(exitCode).toBe(0);
    expect(out).not.toContain('geheim');
    expect(rest.settings()).toMatchObject({ edgeKey: 'k', edgeSecret: 'geheim' });
    expect(rest.annotations.keys).toEqual([{ edgeKey: 'k', edgeSecret: 'geheim' }]);
    expect((await runCli(rest.port, ['cloud', 'set-key', 'k'])).exitCode).toBe(2);
  });

  it('are masked, but can be told apart', async () => {
    expect((await runCli(rest.port, ['cloud', 'show'])).out).toMatch(/Edge key: +not set.*cloud set-key\n/);
    await runCli(rest.port, ['cloud', 'set-key', 'abcdefghijklmnopqrst'], { input: 'geheim' });
    const { exitCode, out } = await runCli(rest.port, ['cloud', 'show']);
    expect([exitCode, out]).toEqual([
      0,
      'Edge key:     abcd***\nEdge secret:  set\nChanged:      2026-01-02T03:04:05.000Z\n',
    ]);
    const shown: unknown = JSON.parse((await runCli(rest.port, ['cloud', 'show', '--json'])).out);
    expect(shown).toEqual({ edge_key: 'abcd***', edge_secret_set: true, modified: NOW_MS });
  });

  it('are checked with the endpoint', async () => {
    const good = {
      of: 'annotations',
      ok: true,
      endpoint: 'http://cloud/',
      problem: null,
      message: 'It takes annotations.',
      status: 200,
      took_ms: 5,
      clock_skew_ms: null,
    };
    expect((await rest.post('/api/v1/cloud/check', undefined)).json()).toEqual({ ok: true, checks: [good] });
    expect(await runCli(rest.port, ['cloud', 'check'])).toEqual({
      exitCode: 0,
      out: 'annotations: It takes annotations.\n',
      err: '',
    });
    rest.annotations.check = { ...rest.annotations.check, problem: 'tls', message: 'No certificate.' };
    const failed = await runCli(rest.port, ['cloud', 'check', '--json']);
    expect(failed).toMatchObject({ exitCode: 1, err: 'chrysproxy: annotations: No certificate.\n' });
    expect(JSON.parse(failed.out)).toMatchObject({ ok: false, checks: [{ problem: 'tls' }] });
  });
});
