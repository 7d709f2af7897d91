import { Command } from 'commander';
import type { RedisStatusAnswer } from '../../rest/routes/redis.js';
import { CliError, EXIT } from '../exit-codes.js';
import { fields, json, table, timeText } from '../format.js';
import type { Io } from '../io.js';
import { clientFor, urlOption } from './camera.js';

interface RemoteOptions {
  readonly url?: string;
  readonly json?: boolean;
}

export function redisCommand(io: Io): Command {
  const redis = new Command('redis').description('what other programs see in Redis');
  redis
    .command('status')
    .description(
      'whether Redis is connected, which frames go there, and why not; ends with 1 when it should be and is not',
    )
    .option('--json', 'print it as JSON, as GET /api/v1/redis/status gives it')
    .addOption(urlOption())
    .action((options: RemoteOptions) => status(io, options));
  return redis;
}

async function status(io: Io, options: RemoteOptions): Promise<void> {
  const answer = (await clientFor(options, io).ask('GET', 'redis/status')) as RedisStatusAnswer;
  const isAway = answer.connection !== null && !answer.connected;
  if (options.json === true) io.out(json(answer));
  else if (!isAway) io.out(shown(answer));
  if (isAway) throw new CliError(EXIT.failed, answer.message ?? 'Redis is not connected.');
}

function shown(answer: RedisStatusAnswer): string {
  const { connection, since, message, publish_frames: publishFrames, cameras, events } = answer;
  if (connection === null) return `${message ?? 'There is no Redis.'}\n`;
  const lost = events.lost === 0 ? '' : `, ${events.lost} lost while Redis was away`;
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
  return `${text}\n${table(['CAMERA', 'PUBLISHED', 'ASKED FOR', 'FRAMES', 'DROPPED', 'PROBLEM'], rows)}`;
}
