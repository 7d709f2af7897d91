import { Command } from 'commander';
import type { WebhooksAnswer } from '../../rest/routes/webhooks.js';
import { durationText, fields, json, timeText } from '../format.js';
import type { Io } from '../io.js';
import { clientFor, urlOption } from './camera.js';

interface RemoteOptions {
  readonly url?: string;
  readonly json?: boolean;
}

export function webhooksCommand(io: Io): Command {
  const webhooks = new Command('webhooks').description('the events that are posted to a URL of yours');
  webhooks
    .command('status')
    .description('how many wait, were delivered, were lost, and why nothing is sent')
    .option('--json', 'print it as JSON, as GET /api/v1/webhooks/status gives it')
    .addOption(urlOption())
    .action((options: RemoteOptions) => status(io, options));
  webhooks
    .command('test')
    .description('queue an event that says that it is a test')
    .addOption(urlOption())
    .action((options: RemoteOptions) => test(io, options));
  return webhooks;
}

async function status(io: Io, options: RemoteOptions): Promise<void> {
  const answer = (await clientFor(options, io).ask('GET', 'webhooks/status')) as WebhooksAnswer;
  io.out(options.json === true ? json(answer) : shown(answer));
}

function shown(answer: WebhooksAnswer): string {
  if (answer.url === null) return `${answer.paused ?? 'There is no webhook.'}\n`;
  const oldest = answer.oldest_age_ms === null ? '' : `, the oldest for ${durationText(answer.oldest_age_ms)}`;
  const at = answer.last_error_at === null ? '' : `${timeText(answer.last_error_at)}  `;
  return fields([
    ['URL', answer.url],
    ['Events', answer.events.join(', ')],
    ['Waiting', `${answer.queued} (${answer.in_flight} on their way)${oldest}`],
    ['Delivered', String(answer.delivered)],
    ['Lost', String(answer.dropped)],
    ['Paused', answer.paused ?? 'no'],
    ...(answer.next_attempt === null ? [] : [['Next attempt', timeText(answer.next_attempt)] as const]),
    ['Last error', answer.last_error === null ? 'none' : `${at}${answer.last_error}`],
  ]);
}

async function test(io: Io, options: RemoteOptions): Promise<void> {
  const { id } = (await clientFor(options, io).ask('POST', 'webhooks/test')) as { id: string };
  io.out(`The event ${id} is queued. See whether it arrives with: ${io.command} webhooks status\n`);
}
