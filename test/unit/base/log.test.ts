import { describe, expect, it } from 'vitest';
import { createLogger } from '../../../src/base/log.js';

const URL_WITH_SECRET = 'rtsp://admin:geheim@cam/live';

function logInto(mode: 'release' | 'debug'): { lines: string[]; logger: ReturnType<typeof createLogger> } {
  const lines: string[] = [];
  const logger = createLogger({ mode, stream: { write: (line) => void lines.push(line) } });
  return { lines, logger };
}

describe('the logger', () => {
  it('writes one JSON line with level, time and message', () => {
    const { lines, logger } = logInto('release');
    logger.info({ camera: 'yard' }, 'connected');
    expect(lines).toHaveLength(1);
    expect(lines[0]?.endsWith('\n')).toBe(true);
    const line: unknown = JSON.parse(lines[0] ?? '');
    expect(line).toMatchObject({ level: 'info', camera: 'yard', msg: 'connected' });
    expect(line).toHaveProperty('time', expect.stringMatching(/^\d{4}-\d\d-\d\dT/));
  });

  it('masks passwords in messages, arguments, fields, bindings and errors with their causes', () => {
    const { lines, logger } = logInto('release');
    logger.info(`open ${URL_WITH_SECRET}`);
    logger.info('open %s %o', URL_WITH_SECRET, { url: URL_WITH_SECRET });
    logger.info({ nested: [{ url: URL_WITH_SECRET }], edge_secret: 'geheim', password: 'geheim' }, 'fields');
    logger.child({ url: URL_WITH_SECRET }).warn('bindings');
    logger.error(new Error(`no ${URL_WITH_SECRET}`, { cause: new Error(`because of ${URL_WITH_SECRET}`) }));
    logger.error({ err: new Error(`no ${URL_WITH_SECRET}`) });
    expect(lines).toHaveLength(6);
    expect(lines.join('')).not.toContain('geheim');
    expect(lines.filter((line) => line.includes('rtsp://admin:***@cam/live'))).toHaveLength(6);
  });

  it('shows debug lines only in debug mode', () => {
    const release = logInto('release');
    release.logger.debug('detail');
    expect(release.lines).toEqual([]);
    const debug = logInto('debug');
    debug.logger.debug('detail');
    expect(debug.lines).toHaveLength(1);
  });
});
