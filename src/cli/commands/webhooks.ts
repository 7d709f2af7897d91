import { Command } from 'commander';
import type { WebhooksAnswer } from '../../rest/route-table/services.js';
import { durationText, fields, json, timeText } from '../format.js';
import type { Io } from '../io.js';
import { clientFor, urlOption, type RemoteOptions } from './options.js';

export function webhooksCommand(io: Io): Command {
  const webhooks = new Command('webhooks').description('Shows and tests the events that are posted to webhook.url.');
  webhooks
    .command('status')
    .description('Prints how many events wait, were delivered and were lost, and why nothing is sent.')
    .option('--json', 'Prints the answer of GET /api/v1/webhooks/status.')
    .addOption(urlOption())
    .action((options: RemoteOptions) => status(io, options));
  webhooks
    .command('test')
    .description('Queues a test event, regardless of webhook.events.')
    .addOption(urlOption())
    .action((options: RemoteOptions) => test(io, options));
  return webhooks;
}

async function status(io: Io, options: RemoteOptions): Promise<void> {
  const answer = (await clientFor(options, io).requestJson('GET', 'webhooks/status')) as WebhooksAnswer;
  io.out(options.json === true ? json(answer) : shown(answer));
}

function shown(answer: WebhooksAnswer): string {
  if (answer.url === null) return `${answer.paused ?? 'There is no webhook.'}\n`;
  const oldest = answer.oldest_age_ms === null ? '' : `, the oldest for ${durationText(answer.oldest_age_ms)}`;
  const at = answer.last_error_at === null ? '' : `${timeText(answer.last_error_at)}  `;
  return fields([
    ['URL', answer.url],
    ['Events', answer.events.join(', ')],
    ['Waiting', `${answer.queued} (${answer.in_flight} being sent)${oldest}`],
    ['Delivered', String(answer.delivered)],
    ['Lost', String(answer.dropped)],
    ['Paused', answer.paused ?? 'no'],
    ...(answer.next_attempt === null ? [] : [['Next attempt', timeText(answer.next_attempt)] as const]),
    ['Last error', answer.last_error === null ? 'none' : `${at}${answer.last_error}`],
  ]);
}

async function test(io: Io, options: RemoteOptions): Promise<void> {
  const { id } = (await clientFor(options, io).requestJson('POST', 'webhooks/test')) as { id: string };
  io.out(`The event ${id} is queued. Check its delivery with: ${io.command} webhooks status\n`);
}
