import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { KNOWN_KEYS } from '../../../src/config/keys.js';
import { loadConfig } from '../../../src/config/load.js';
import { configSchema, type Config } from '../../../src/config/schema.js';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'chrysproxy-config-'));
});
afterEach(() => {
  rmSync(dataDir, { recursive: true });
});

function load(yaml?: string, env: Record<string, string> = {}): Config {
  if (yaml !== undefined) {
    writeFileSync(join(dataDir, 'conf.yaml'), yaml);
  }
  return loadConfig({ dataDir, env }).config;
}

function problemsOf(yaml?: string, env: Record<string, string> = {}): string {
  try {
    load(yaml, env);
  } catch (error) {
    expect(error).toMatchObject({ kind: 'invalid_argument' });
    return (error as Error).message.replaceAll(`${dataDir}/`, '');
  }
  throw new Error('the configuration was accepted');
}

describe('without a file', () => {
  it('the defaults are used', () => {
    expect(load()).toEqual({
      version: '',
      title: '',
      description: '',
      mode: 'release',
      host: '127.0.0.1',
      port: 8080,
      grpc_port: 50001,
      max_cameras: 256,
      camera: {
        transport: 'auto',
        tls_verify: 'pin',
        max_pixels: 8192 * 4320,
        open_timeout_ms: 10_000,
        stall_timeout_ms: 5000,
        decoder_threads: 1,
      },
      sources: {},
      tls: { cert: '', key: '', client_ca: '', require_client_cert: false },
      redis: {
        connection: '',
        database: 0,
        password: '',
        prefix: 'chrysproxy',
        annotation_queue: 'chrysproxy',
        publish_frames: 'off',
        publish_interval_ms: 1000,
      },
      api: { endpoint: 'https://api.chryscloud.com' },
      annotation: {
        endpoint: 'https://event.chryscloud.com/api/v1/annotate',
        unacked_limit: 1000,
        poll_duration_ms: 300,
        max_batch_size: 299,
        mode: 'cloud',
        max_queue: 1_000_000,
        keep: '7d',
        timeout_ms: 30_000,
        evidence_max_ms: 60_000,
        evidence_max_bytes: 1_073_741_824,
        send_evidence: false,
      },
      webhook: {
        url: '',
        events: ['camera', 'recording', 'annotations', 'passthrough', 'redis'],
        max_queue: 10_000,
        timeout_ms: 10_000,
      },
      buffer: {
        in_memory: 1,
        in_memory_max_bytes: 67_108_864,
        in_memory_scale: '-1:-1',
        on_disk: false,
        on_disk_folder: join(dataDir, 'archive'),
        on_disk_clean_older_than: '5m',
        on_disk_schedule: '@every 5m',
        on_disk_max_bytes: 0,
        on_disk_max_bytes_total: 0,
        on_disk_min_free_bytes: 0,
        segment_min_ms: 0,
      },
    });
  });

  it('the configuration is frozen', () => {
    const config = load();
    expect(Object.isFrozen(config) && Object.isFrozen(config.buffer)).toBe(true);
  });
});

describe('a file', () => {
  it('overrides some keys and leaves the defaults of the others', () => {
    const config = load('port: 9000\nbuffer:\n  on_disk: true\n');
    expect(config).toMatchObject({ port: 9000, grpc_port: 50001, buffer: { on_disk: true, in_memory: 1 } });
  });

  it('may have groups and keys without a value', () => {
    expect(load('redis:\ntitle:\nbuffer:\n  in_memory:\n')).toMatchObject({ redis: { connection: '' }, title: '' });
  });

  it.each(['', '# nothing\n', '---\n'])('may be empty: %j', (text) => {
    expect(load(text).port).toBe(8080);
  });

  it('may give its version as a number or as text', () => {
    expect(load('version: 0.5').version).toBe('0.5');
    expect(load('version: 0.0.5').version).toBe('0.0.5');
  });

  it('named by --config is read instead of the one in the data directory', () => {
    writeFileSync(join(dataDir, 'conf.yaml'), 'port: 1');
    const other = join(dataDir, 'other.yaml');
    writeFileSync(other, 'port: 2');
    const loaded = loadConfig({ configPath: other, dataDir, env: {} });
    expect(loaded).toMatchObject({ path: other, config: { port: 2 } });
  });

  it('named by CHRYSPROXY_CONFIG is read unless --config names another', () => {
    const [named, option] = [join(dataDir, 'named.yaml'), join(dataDir, 'option.yaml')];
    writeFileSync(named, 'port: 2');
    writeFileSync(option, 'port: 3');
    const env = { CHRYSPROXY_CONFIG: named };
    expect(loadConfig({ dataDir, env }).path).toBe(named);
    expect(loadConfig({ configPath: option, dataDir, env }).path).toBe(option);
  });

  it('may name a folder for segments relative to the data directory', () => {
    expect(load('buffer: { on_disk_folder: clips }').buffer.on_disk_folder).toBe(join(dataDir, 'clips'));
  });

  it.each(['@every 90s', '@daily', '0 3 * * 1-5', '*/30 * * * * *'])('may have the schedule %s', (schedule) => {
    expect(load(`buffer: { on_disk_schedule: "${schedule}" }`).buffer.on_disk_schedule).toBe(schedule);
  });

  it('named by --config must exist', () => {
    expect(() => loadConfig({ configPath: '/nowhere.yaml', dataDir, env: {} })).toThrow(
      /\/nowhere\.yaml cannot be read/,
    );
  });

  it('may have every documented form of the other values', () => {
    const yaml = `
host: "::"
sources: { schemes: [rtsp, file] }
redis: { connection: "redis.local:6379", database: 3, password: "x y" }
buffer: { in_memory_scale: "iw/2:-1", on_disk_clean_older_than: 1w, on_disk_schedule: "*/5 * * * *", on_disk_folder: /srv/v }
`;
    expect(load(yaml)).toMatchObject({ host: '::', redis: { connection: 'redis.local:6379' } });
  });
});

describe('an unknown key', () => {
  it('is refused with its line and the nearest known key', () => {
    expect(problemsOf('title: x\nprot: 80\n')).toContain(
      'conf.yaml line 2: prot is not a known key. Did you mean "port"?',
    );
  });

  it('in a group is named with its path', () => {
    expect(problemsOf('buffer:\n  # note\n  in_memroy: 1\n')).toContain(
      'conf.yaml line 3: buffer.in_memroy is not a known key. Did you mean "in_memory"?',
    );
  });

  it('that belongs to a group is refused with its path', () => {
    expect(problemsOf('on_disk: true')).toContain('Did you mean "buffer.on_disk"?');
  });

  it('that resembles no known key is refused with a list of the known keys', () => {
    expect(problemsOf('redis: { zebra: 1 }')).toContain('Known here: connection, database, password, prefix,');
  });

  it.each(['__proto__', 'constructor', 'toString'])('%s is refused', (name) => {
    expect(problemsOf(`${name}: { a: 1 }`)).toContain(`${name} is not a known key`);
  });
});

describe('a wrong value', () => {
  it.each([
    ['port: 99999', 'port: 99999 is not allowed; allowed is at most 65535.'],
    ['port: "80"', 'port: "80" is not allowed; allowed is a whole number.'],
    ['port: 80.5', 'port: 80.5 is not allowed; allowed is a whole number.'],
    ['mode: fast', 'mode: "fast" is not allowed; allowed is one of release, debug.'],
    ['host: "http://x"', 'host: "http://x" is not allowed; allowed is an IP address or a host name, without a port.'],
    ['title: 2024', 'title: 2024 is not allowed; allowed is text (in quotes when it looks like a number).'],
    ['version: []', 'version: [] is not allowed; allowed is text'],
    ['camera: { transport: sctp }', 'camera.transport: "sctp" is not allowed; allowed is one of auto, tcp, udp.'],
    ['camera: 3', 'camera: 3 is not allowed; allowed is a group of keys.'],
    [
      'sources: { schemes: [http] }',
      'sources.schemes.0: "http" is not allowed; allowed is one of rtsp, rtsps, file, replay.',
    ],
    ['sources: { schemes: [] }', 'sources.schemes: [] is not allowed; allowed is at least 1 entries.'],
    ['webhook: { url: ops.example }', 'webhook.url: "ops.example" is not allowed; allowed is an http:// or'],
    ['webhook: { events: [weather] }', 'webhook.events.0: "weather" is not allowed; allowed is one of camera,'],
    ['redis: { connection: redis }', 'redis.connection: "redis" is not allowed; allowed is "host:port"'],
    ['redis: { publish_frames: some }', 'redis.publish_frames: "some" is not allowed; allowed is'],
    ['redis: { prefix: "a:b" }', 'redis.prefix: "a:b" is not allowed; allowed is 1 to 64 of the characters'],
    ['redis: { password: 12 }', 'redis.password: the given value is not allowed; allowed is text'],
    ['api: { endpoint: ftp://x }', 'api.endpoint: "ftp://x" is not allowed; allowed is an http:// or https:// URL.'],
    ['buffer: { in_memory: 0 }', 'buffer.in_memory: 0 is not allowed; allowed is at least 1.'],
    ['buffer: { in_memory_scale: big }', 'buffer.in_memory_scale: "big" is not allowed; allowed is "width:height"'],
    ['buffer: { on_disk: 5 }', 'buffer.on_disk: 5 is not allowed; allowed is true or false.'],
    ['buffer: { on_disk_clean_older_than: 5 minutes }', 'a duration such as 30s, 5m, 2h, 1d, 1w'],
    ['buffer: { on_disk_schedule: "@dayly" }', '"@dayly" is not allowed; allowed is "@every <duration>"'],
    ['buffer: { on_disk_schedule: "@every soon" }', '"@every soon" is not allowed'],
    ['port: 5000\ngrpc_port: 5000', 'conf.yaml line 2: port and grpc_port are both 5000; give them different ports.'],
    ['- a\n- b', 'The file must have lines of the form "key: value"'],
    ['port: 1\nport: 2', 'conf.yaml line 2: Map keys must be unique'],
    ['buffer: [', 'conf.yaml line 1'],
  ])('%j is refused', (yaml, message) => {
    expect(problemsOf(yaml)).toContain(message);
  });

  it('does not hide other problems: all are reported together', () => {
    const message = problemsOf('port: x\nmode: y\nzebra: 1\n', { CHRYSPROXY_GRPC_PORT: '-1' });
    expect(message).toContain('The configuration has 4 problems:');
    expect(message).toContain('conf.yaml line 1: port');
    expect(message).toContain('conf.yaml line 2: mode');
    expect(message).toContain('conf.yaml line 3: zebra');
    expect(message).toContain('CHRYSPROXY_GRPC_PORT: grpc_port: -1');
  });
});

describe('the environment', () => {
  it('overrides the file, including keys with underscores and keys in groups', () => {
    const config = load('grpc_port: 1\nbuffer:\n  on_disk: false', {
      CHRYSPROXY_GRPC_PORT: '50002',
      CHRYSPROXY_BUFFER_ON_DISK: 'true',
      CHRYSPROXY_BUFFER_IN_MEMORY_SCALE: '400:-1',
      CHRYSPROXY_TITLE: '2024',
      CHRYSPROXY_SOURCES_SCHEMES: 'rtsp, rtsps',
      CHRYSPROXY_REDIS_PASSWORD: '0123',
      PATH: '/bin',
    });
    expect(config).toMatchObject({
      grpc_port: 50002,
      title: '2024',
      sources: { schemes: ['rtsp', 'rtsps'] },
      redis: { password: '0123' },
      buffer: { on_disk: true, in_memory_scale: '400:-1' },
    });
  });

  it('with an empty variable does not change the key', () => {
    expect(load('port: 9', { CHRYSPROXY_PORT: '' }).port).toBe(9);
  });

  it('with an unknown variable is refused with a suggestion', () => {
    expect(problemsOf(undefined, { CHRYSPROXY_GRPCPORT: '1' })).toContain(
      'environment: CHRYSPROXY_GRPCPORT is not a known variable. Did you mean "CHRYSPROXY_GRPC_PORT"?',
    );
  });

  it('may have variables that are not configuration keys', () => {
    const env = {
      CHRYSPROXY_DATA_DIR: '/x',
      CHRYSPROXY_CONFIG: '',
      CHRYSPROXY_URL: 'http://z',
      CHRYSPROXY_NATIVE_ADDON: '/a.node',
    };
    expect(load(undefined, env).port).toBe(8080);
  });

  it('has a different variable for each key', () => {
    const names = KNOWN_KEYS.map((key) => key.variable);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('config/default.yaml', () => {
  const text = readFileSync('config/default.yaml', 'utf8');

  it('has the defaults of the schema', () => {
    const written: unknown = parse(text);
    const filled = configSchema.parse({ ...(written as object), sources: {} });
    expect(filled).toEqual(configSchema.parse({}));
    expect(load(text)).toEqual(loadConfig({ configPath: '/dev/null', dataDir, env: {} }).config);
  });

  it('has every key in its group, after a comment', () => {
    const lines = text.split('\n');
    for (const { path } of KNOWN_KEYS) {
      const indent = '  '.repeat(path.length - 1);
      const line = lines.findIndex((candidate) => candidate.replace('# ', '').startsWith(`${indent}${path.at(-1)}:`));
      expect(line, path.join('.')).toBeGreaterThan(0);
    }
  });
});
