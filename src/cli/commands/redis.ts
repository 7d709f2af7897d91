import { Command } from 'commander';
import type { RedisStatusAnswer } from '../../rest/route-table/services.js';
import { CliError, EXIT } from '../exit-codes.js';
import { fields, json, table, timeText } from '../format.js';
import type { Io } from '../io.js';
import { clientFor, urlOption, type RemoteOptions } from './options.js';

export function redisCommand(io: Io): Command {
  const redis = new Command('redis').description('Shows the connection to Redis.');
  redis
    .command('status')
    .summary('Prints whether Redis is connected, and what is published there.')
    .description(
      'Prints whether Redis is connected, which frames of which cameras are published there, and why not. Ends with exit code ' +
        '1 when redis.connection is set and Redis is not connected.',
    )
    .option('--json', 'Prints the answer of GET /api/v1/redis/status.')
    .addOption(urlOption())
    .action((options: RemoteOptions) => status(io, options));
  return redis;
}

async function status(io: Io, options: RemoteOptions): Promise<void> {
  const answer = (await clientFor(options, io).requestJson('GET', 'redis/status')) as RedisStatusAnswer;
  const isDisconnected = answer.connection !== null && !answer.connected;
  if (options.json === true) io.out(json(answer));
  else if (!isDisconnected) io.out(shown(answer));
  if (isDisconnected) throw new CliError(EXIT.failed, answer.message ?? 'Redis is not connected.');
}

function shown(answer: RedisStatusAnswer): string {
  const { connection, since, message, publish_frames: publishFrames, cameras, events } = answer;
  if (connection === null) return `${message ?? 'There is no Redis.'}\n`;
  const lost = events.lost === 0 ? '' : `, ${events.lost} lost while Redis was not connected`;
  const text = fields([
    ['Redis', `${connection}, database ${answer.database}`],
    ['Connected', since === null ? 'yes' : `since ${timeText(since)}`],
    ['Problem', message ?? 'none'],
    ['Frames', publishFrames],
    ['Events', `${events.stored} stored, ${events.waiting} waiting${lost}`],
  ]);
  if (cameras.length === 0) return text;
  const rows = cameras.map(({ camera, publishing, asked, published, dropped, message: problem }) => [
    camera,
    publishing ? 'yes' : 'no',
    asked ?? '-',
    String(published),
    String(dropped),
    problem ?? '',
  ]);
  return `${text}\n${table(['CAMERA', 'PUBLISHED', 'REQUESTED', 'FRAMES', 'DROPPED', 'PROBLEM'], rows)}`;
}
