import { Command } from 'commander';
import type { ClipAnswer } from '../../rest/routes/clips.js';
import { CliError, EXIT } from '../exit-codes.js';
import { bytesText, json, plain, table, timeText } from '../format.js';
import type { Io } from '../io.js';
import { MOMENT_FORMS, type Moment } from '../moment.js';
import { RecordingsClient } from '../recordings-client.js';
import { clientFor, urlOption } from './camera.js';
import { moment } from './moment-option.js';
import { rangeOf } from './recordings.js';

interface RemoteOptions {
  readonly json?: boolean;
  readonly url?: string;
}

interface AddOptions extends RemoteOptions {
  readonly from: Moment;
  readonly to: Moment;
}

export function clipCommand(io: Io): Command {
  const clip = new Command('clip').description('keep parts of what is recorded from being cleaned away');
  clip
    .command('add')
    .description('keep a part, under a name')
    .argument('<name>', 'of the camera')
    .argument('<clip>', 'a name for the part, in quotes when it has blanks')
    .requiredOption('--from <time>', 'its first moment', moment)
    .requiredOption('--to <time>', 'its last moment', moment)
    .option('--json', 'print the clip as JSON')
    .addOption(urlOption())
    .addHelpText('after', `\nA time is ${MOMENT_FORMS}.`)
    .action((name: string, clipName: string, options: AddOptions) => add(io, name, clipName, options));
  clip
    .command('list')
    .description('one line for each kept part of a camera')
    .argument('<name>', 'of the camera')
    .option('--json', 'print the clips as JSON')
    .addOption(urlOption())
    .action((name: string, options: RemoteOptions) => list(io, name, options));
  clip
    .command('remove')
    .description('keep a part no longer: it goes when it is old enough')
    .argument('<name>', 'of the camera')
    .argument('<clip>', 'its name, or its number in the list')
    .addOption(urlOption())
    .action((name: string, clipName: string, options: RemoteOptions) => remove(io, name, clipName, options));
  return clip;
}

async function add(io: Io, name: string, clipName: string, options: AddOptions): Promise<void> {
  const range = await rangeOf(io, options);
  const clip = await new RecordingsClient(clientFor(options, io)).addClip(name, clipName, range);
  if (options.json === true) {
    io.out(json(clip));
    return;
  }
  const gaps = clip.complete ? '' : ' Not all of it is recorded: it has gaps.';
  io.out(`Clip "${plain(clip.name)}" of "${plain(name)}" is kept, ${bytesText(clip.bytes)}.${gaps}\n`);
}

async function list(io: Io, name: string, options: RemoteOptions): Promise<void> {
  const clips = await new RecordingsClient(clientFor(options, io)).clips(name);
  if (options.json === true) {
    io.out(json(clips));
  } else if (clips.length === 0) {
    const how = `${io.command} clip add ${plain(name)} CLIP --from TIME --to TIME`;
    io.out(`There is no clip of "${plain(name)}" yet. Add one with: ${how}\n`);
  } else {
    const rows = clips.map((clip) => [
      String(clip.id),
      timeText(clip.from),
      timeText(clip.to),
      bytesText(clip.bytes),
      clip.complete ? 'yes' : 'no',
      clip.name,
    ]);
    io.out(table(['ID', 'FROM', 'TO', 'SIZE', 'COMPLETE', 'NAME'], rows));
  }
}

async function remove(io: Io, name: string, clipName: string, options: RemoteOptions): Promise<void> {
  const client = new RecordingsClient(clientFor(options, io));
  const clip = named(await client.clips(name), clipName);
  if (clip === undefined) {
    const text = `Camera "${name}" has no clip "${clipName}"; list those that it has with: ${io.command} clip list ${name}`;
    throw new CliError(EXIT.notFound, text);
  }
  await client.removeClip(name, clip.id);
  io.out(`Clip "${plain(clip.name)}" of "${plain(name)}" is not kept any more.\n`);
}

function named(clips: readonly ClipAnswer[], clipName: string): ClipAnswer | undefined {
  return clips.find((clip) => clip.name === clipName) ?? clips.find((clip) => String(clip.id) === clipName);
}
