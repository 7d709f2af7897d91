import { Command } from 'commander';
import { fields, json, printable, table } from '../format.js';
import type { Io } from '../io.js';
import { addAddCommand } from './camera-add.js';
import { addSwitches } from './camera-switches.js';
import { describedCamera, fpsOf, sizeOf } from './camera-text.js';
import { clientFor, urlOption, type RemoteOptions } from './options.js';
import { sourceText } from './replay.js';

interface ShowOptions extends RemoteOptions {
  readonly log?: boolean;
}

interface RetryOptions extends RemoteOptions {
  readonly forget?: boolean;
}

export function cameraCommand(io: Io): Command {
  const camera = new Command('camera').description('Manages the cameras of a running proxy.');
  addAddCommand(camera, io);
  camera
    .command('list')
    .description('Prints one line for each camera.')
    .option('--json', 'Prints the answer of GET /api/v1/processlist.')
    .addOption(urlOption())
    .action((options: RemoteOptions) => list(io, options));
  camera
    .command('show')
    .summary('Prints the state of a camera.')
    .description(
      'Prints the state of a camera: its stream, counters, recording, passthrough and storage, and what earlier connections ' +
        'found out.',
    )
    .argument('<name>', 'Name of the camera.')
    .option('--log', 'Prints the last 100 lines of its log as well, oldest first.')
    .option('--json', 'Prints the answer of GET /api/v1/process/<name>.')
    .addOption(urlOption())
    .action((name: string, options: ShowOptions) => show(io, name, options));
  addSwitches(camera, io);
  camera
    .command('retry')
    .summary('Connects to a camera at once.')
    .description(
      'Connects at once to a camera whose next attempt would be later, for example after a wrong password, or that is not ' +
        'retried any more. Changes nothing for a camera that is connected or connecting.',
    )
    .argument('<name>', 'Name of the camera.')
    .option(
      '--forget',
      'Forgets what earlier connections found out, including the pinned certificate, and connects again.',
    )
    .option('--json', 'Prints the camera as JSON, like "camera show --json".')
    .addOption(urlOption())
    .action((name: string, options: RetryOptions) => retry(io, name, options));
  camera
    .command('remove')
    .summary('Stops and removes a camera.')
    .description('Stops and removes a camera. Its recordings stay until retention deletes them.')
    .argument('<name>', 'Name of the camera.')
    .addOption(urlOption())
    .action((name: string, options: RemoteOptions) => remove(io, name, options));
  return camera;
}

async function list(io: Io, options: RemoteOptions): Promise<void> {
  const cameras = await clientFor(options, io).list();
  if (options.json === true) {
    io.out(json(cameras));
    return;
  }
  if (cameras.length === 0) {
    io.out(`There is no camera yet. Add one with: ${io.command} camera add NAME URL\n`);
    return;
  }
  const rows = cameras.map((camera) => [
    camera.name,
    camera.chrysproxy.phase,
    camera.chrysproxy.stream?.codec ?? '-',
    sizeOf(camera) ?? '-',
    fpsOf(camera) ?? '-',
    sourceText(camera),
    camera.chrysproxy.message,
  ]);
  io.out(table(['NAME', 'STATE', 'CODEC', 'SIZE', 'FPS', 'SOURCE', 'MESSAGE'], rows));
}

async function show(io: Io, name: string, options: ShowOptions): Promise<void> {
  const camera = await clientFor(options, io).show(name);
  if (options.json === true) {
    io.out(json(camera));
    return;
  }
  io.out(fields(describedCamera(camera)));
  if (options.log === true) {
    const lines = [camera.logs.stdout, camera.logs.stderr]
      .flatMap((encoded) => Buffer.from(encoded, 'base64').toString('utf8').split('\n'))
      .filter((line) => line !== '')
      .sort();
    io.out(`\n${lines.map((line) => `${printable(line)}\n`).join('')}`);
  }
}

async function retry(io: Io, name: string, options: RetryOptions): Promise<void> {
  const camera = await clientFor(options, io).retry(name, options.forget === true);
  const text =
    options.forget === true
      ? `Camera "${printable(name)}" connects again; what earlier connections found out is forgotten.\n`
      : `Camera "${printable(name)}" is ${camera.chrysproxy.phase}.\n`;
  io.out(options.json === true ? json(camera) : text);
}

async function remove(io: Io, name: string, options: RemoteOptions): Promise<void> {
  await clientFor(options, io).remove(name);
  io.out(`Camera "${printable(name)}" is removed.\n`);
}
