import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ensureDataDir, resolveDataDir } from '../../../src/config/data-dir.js';
import { allowedSchemes, isLoopback, warnings } from '../../../src/config/rules.js';
import { configSchema, type Config } from '../../../src/config/schema.js';

const configured = (input: object = {}): Config => configSchema.parse(input);

describe('the loopback test', () => {
  it.each(['127.0.0.1', '127.8.8.8', '::1', 'localhost', 'LOCALHOST'])('accepts %s', (host) => {
    expect(isLoopback(host)).toBe(true);
  });
  it.each(['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.example', 'camera'])('refuses %s', (host) => {
    expect(isLoopback(host)).toBe(false);
  });
});

describe('allowed schemes', () => {
  it('include file only while the proxy listens on a loopback address', () => {
    expect(allowedSchemes(configured())).toEqual(['rtsp', 'rtsps', 'file', 'replay']);
    expect(allowedSchemes(configured({ host: '0.0.0.0' }))).toEqual(['rtsp', 'rtsps', 'replay']);
  });
  it('are the ones in sources.schemes', () => {
    expect(allowedSchemes(configured({ host: '0.0.0.0', sources: { schemes: ['file'] } }))).toEqual(['file']);
  });
});

describe('warnings', () => {
  it('are empty for the defaults', () => {
    expect(warnings(configured())).toEqual([]);
  });
  it('name the ports that every machine can reach', () => {
    expect(warnings(configured({ host: '0.0.0.0' })).join()).toMatch(/0\.0\.0\.0.*port 8080 and grpc_port 50001/);
    const tls = { cert: 'a', key: 'b', client_ca: 'c' };
    const required = (which: boolean | 'grpc' | 'rest'): string =>
      warnings(configured({ host: '::', tls: { ...tls, require_client_cert: which } })).join();
    expect(required('grpc')).toMatch(/port 8080 sees/);
    expect(required('rest')).toMatch(/grpc_port 50001 sees/);
    expect(required(true)).toBe('');
    expect(required(false)).toContain('tls.client_ca has no effect');
  });
  it('name publish_frames when there is no Redis', () => {
    expect(warnings(configured({ redis: { publish_frames: 'all' } }))).toEqual([
      expect.stringContaining(
        'redis.publish_frames is all, and nothing is published because redis.connection is empty',
      ),
    ]);
    expect(warnings(configured({ redis: { publish_frames: 'all', connection: 'r:1' } }))).toEqual([]);
  });
});

describe('the data directory', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'chrysproxy-dir-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('is the option, otherwise the variable, the original folder, XDG, or the home folder', () => {
    const env = { CHRYSPROXY_DATA_DIR: '/from/variable', XDG_DATA_HOME: '/xdg', HOME: '/home/a' };
    const missing = join(folder, 'missing');
    expect(resolveDataDir({ dataDir: '/option', env })).toBe('/option');
    expect(resolveDataDir({ env, chrysalisFolder: folder })).toBe('/from/variable');
    const rest = { XDG_DATA_HOME: '/xdg', HOME: '/home/a' };
    expect(resolveDataDir({ env: rest, chrysalisFolder: folder })).toBe(folder);
    expect(resolveDataDir({ env: rest, chrysalisFolder: missing })).toBe('/xdg/chrysproxy');
    expect(resolveDataDir({ env: { HOME: '/home/a' }, chrysalisFolder: missing })).toBe(
      '/home/a/.local/share/chrysproxy',
    );
    expect(resolveDataDir({ env: { HOME: '/home/a', XDG_DATA_HOME: 'relative' }, chrysalisFolder: missing })).toBe(
      '/home/a/.local/share/chrysproxy',
    );
  });

  it('is created for its owner only', () => {
    const path = join(folder, 'a', 'b');
    ensureDataDir(path);
    expect(statSync(path).mode & 0o777).toBe(0o700);
  });

  it('keeps its mode when it exists', () => {
    chmodSync(folder, 0o755);
    ensureDataDir(folder);
    expect(statSync(folder).mode & 0o777).toBe(0o755);
  });

  it('is refused with its path and advice when it cannot be created', () => {
    expect(() => {
      ensureDataDir('/dev/null/data');
    }).toThrow(/\/dev\/null\/data cannot be used.*--data-dir/);
  });
});
