/** The connection to a real Redis that is stopped, locked, frozen and restarted. */
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.js';
import { RedisLink, type RedisOptions } from '../../src/redis/redis-link.js';
import { RedisServer, type RedisServerOptions } from '../support/redis-server.js';
import { freePort, waitFor } from '../support/wait.js';

const BOUND_MS = 20_000;
const SECRET = 'a secret of Redis';

const cleanUps: (() => void | Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function redis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const server = await RedisServer.start(options);
  cleanUps.push(() => server.dispose());
  return server;
}

class Watched {
  connections = 0;
  readonly outages: string[] = [];
  readonly link: RedisLink;

  constructor(options: Partial<RedisOptions> & Pick<RedisOptions, 'connection'>) {
    this.link = new RedisLink(
      { database: 0, password: '', ...options },
      {
        onConnected: () => {
          this.connections += 1;
        },
        onOutage: (why) => {
          this.outages.push(why);
        },
      },
      systemClock,
    );
    cleanUps.push(() => {
      this.link.close();
    });
  }

  async connected(times = 1): Promise<void> {
    await waitFor(`connection ${times}`, BOUND_MS, () => this.connections >= times && this.link.outage === '');
  }

  async outage(): Promise<string> {
    await waitFor('an outage', BOUND_MS, () => this.outages.length > 0 && this.link.outage !== '');
    return this.link.outage;
  }
}

describe('RedisLink', () => {
  it('reports that nothing listens at the address, and connects when Redis starts', async () => {
    const server = await redis();
    await server.stop();
    const watched = new Watched({ connection: server.connection });
    expect(watched.link.outage).toContain('not connected yet');
    expect(await watched.outage()).toMatch(/^Redis at 127\.0\.0\.1:\d+ is away: .*ECONNREFUSED/);
    await expect(watched.link.client.ping()).rejects.toThrow();
    await server.restart();
    await watched.connected();
    expect(await watched.link.client.ping()).toBe('PONG');
    expect(watched.outages).toHaveLength(1);
  });

  it('uses the password and the database number', async () => {
    const server = await redis({ password: SECRET });
    const watched = new Watched({ connection: server.connection, password: SECRET, database: 3 });
    await watched.connected();
    await watched.link.client.set('key', 'value');
    expect(await (await server.client(3)).get('key')).toBe('value');
    expect(await (await server.client(0)).get('key')).toBeNull();
  });

  it.each([
    ['a wrong password', { password: 'wrong one' }, /refuses redis\.password: set the correct password/],
    ['no password', {}, /requires a password: set redis\.password/],
    ['a missing database', { password: SECRET, database: 99 }, /has no database 99: change redis\.database/],
  ])('gives advice for %s, and shows no password', async (_what, options, sentence) => {
    const server = await redis({ password: SECRET });
    const watched = new Watched({ connection: server.connection, ...options });
    const outage = await watched.outage();
    expect(outage).toMatch(sentence);
    expect(outage).not.toContain(SECRET);
    expect(outage).not.toContain('wrong one');
  });

  it('connects over IPv6', async () => {
    const server = await redis({ host: '::1' });
    const watched = new Watched({ connection: server.connection });
    await watched.connected();
    expect(server.connection).toMatch(/^\[::1\]:\d+$/);
  });

  it('connects again after a restart of Redis', async () => {
    const server = await redis();
    const watched = new Watched({ connection: server.connection });
    await watched.connected();
    await watched.link.client.set('key', 'value');
    await server.restart();
    await watched.connected(2);
    expect(watched.outages).toHaveLength(1);
    expect(await watched.link.client.get('key')).toBe('value');
  });

  it('fails commands that a frozen Redis does not answer, and connects again when it thaws', async () => {
    const server = await redis();
    const watched = new Watched({ connection: server.connection, answerWithinMs: 1000 });
    await watched.connected();
    server.freeze();
    const set = watched.link.client.set('key', 'value');
    await expect(set).rejects.toThrow();
    expect(watched.link.outage).toContain('it has not answered for 1 s');
    await expect(watched.link.client.ping()).rejects.toThrow();
    server.thaw();
    await watched.connected(2);
    expect(await watched.link.client.ping()).toBe('PONG');
  });

  it('reports an outage when a server accepts the connection and never answers', async () => {
    const port = await freePort();
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(port, '127.0.0.1', resolve));
    cleanUps.push(() => void silent.close());
    const watched = new Watched({ connection: `127.0.0.1:${port}`, answerWithinMs: 300 });
    expect(await watched.outage()).toContain('it has not answered for 0.3 s');
  });

  it('closes at once, connected or not', async () => {
    const server = await redis();
    const watched = new Watched({ connection: server.connection });
    await watched.connected();
    server.freeze();
    watched.link.close();
    const away = new Watched({ connection: `127.0.0.1:${await freePort()}` });
    away.link.close();
    await expect(away.link.client.ping()).rejects.toThrow();
    expect(watched.outages).toEqual([]);
  });
});
