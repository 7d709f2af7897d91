import { Command } from 'commander';
import type { ClipAnswer } from '../../rest/route-table/recordings.js';
import { CliError, EXIT } from '../exit-codes.js';
import { bytesText, json, printable, table, timeText } from '../format.js';
import type { Io } from '../io.js';
import type { Moment } from '../moment.js';
import { RecordingsClient } from '../recordings-client.js';
import { clientFor, moment, TIME_HELP, urlOption, type RemoteOptions } from './options.js';
import { rangeOf } from './recordings.js';

interface AddOptions extends RemoteOptions {
  readonly from: Moment;
  readonly to: Moment;
}

export function clipCommand(io: Io): Command {
  const clip = new Command('clip').description('Protects parts of recordings from retention.');
  clip
    .command('add')
    .summary('Protects a time range of a recording, under a name.')
    .description(
      `\
Protects a time range of a camera's recording from retention, under a name. Prints a note when parts of the range are \
not recorded, and fails when nothing of it is.

    chrysproxy clip add yard "a parcel" --from -10m --to -8m

${TIME_HELP}`,
    )
    .argument('<name>', 'Name of the camera.')
    .argument('<clip>', 'Name of the clip, up to 128 characters, unique for the camera.')
    .requiredOption('--from <time>', 'Start of the clip; required.', moment)
    .requiredOption('--to <time>', 'End of the clip; required.', moment)
    .option('--json', 'Prints the clip as JSON.')
    .addOption(urlOption())
    .action((name: string, clipName: string, options: AddOptions) => add(io, name, clipName, options));
  clip
    .command('list')
    .description('Prints one line for each clip of a camera.')
    .argument('<name>', 'Name of the camera.')
    .option('--json', 'Prints the answer of GET /api/v1/process/<name>/clips.')
    .addOption(urlOption())
    .action((name: string, options: RemoteOptions) => list(io, name, options));
  clip
    .command('remove')
    .description('Removes a clip. Its segments are deleted when retention applies to them.')
    .argument('<name>', 'Name of the camera.')
    .argument('<clip>', 'Name of the clip, or its id in the list.')
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
  io.out(`Clip "${printable(clip.name)}" of "${printable(name)}" is kept, ${bytesText(clip.bytes)}.${gaps}\n`);
}

async function list(io: Io, name: string, options: RemoteOptions): Promise<void> {
  const clips = await new RecordingsClient(clientFor(options, io)).clips(name);
  if (options.json === true) {
    io.out(json(clips));
  } else if (clips.length === 0) {
    const how = `${io.command} clip add ${printable(name)} CLIP --from TIME --to TIME`;
    io.out(`There is no clip of "${printable(name)}" yet. Add one with: ${how}\n`);
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
  const clip = clipNamed(await client.clips(name), clipName);
  if (clip === undefined) {
    const text = `Camera "${name}" has no clip "${clipName}"; list its clips with: ${io.command} clip list ${name}`;
    throw new CliError(EXIT.notFound, text);
  }
  await client.removeClip(name, clip.id);
  io.out(`Clip "${printable(clip.name)}" of "${printable(name)}" is removed.\n`);
}

function clipNamed(clips: readonly ClipAnswer[], clipName: string): ClipAnswer | undefined {
  return clips.find((clip) => clip.name === clipName) ?? clips.find((clip) => String(clip.id) === clipName);
}
