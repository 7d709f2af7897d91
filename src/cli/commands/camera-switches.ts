import { Argument, type Command } from 'commander';
import type { StreamProcess } from '../../rest/route-table/stream-process.js';
import { json, printable } from '../format.js';
import type { Io } from '../io.js';
import { clientFor, urlOption, type RemoteOptions } from './options.js';

type Additions = StreamProcess['chrysproxy'];

interface RecordOptions extends RemoteOptions {
  readonly audio?: boolean;
}

interface Switch {
  readonly name: 'passthrough' | 'storage';
  readonly summary: string;
  readonly description: string;
  /** The rest of the sentence that is printed after the change. */
  readonly outcome: (additions: Additions) => string;
}

const RECORD_VALUES: Readonly<Record<string, boolean | null>> = { on: true, off: false, default: null };

const SWITCHES: readonly Switch[] = [
  {
    name: 'passthrough',
    summary: 'Starts or stops sending the stream of a camera to its RTMP endpoint.',
    description: `\
Starts or stops sending the stream of a camera to its RTMP endpoint, without decoding it.

The setting is stored and survives a restart. The command does not wait until the server accepts the stream; "camera \
show" prints the state.`,
    outcome: ({ passthrough }) =>
      passthrough.wanted ? 'is sent to its RTMP endpoint' : 'is not sent to an RTMP endpoint',
  },
  {
    name: 'storage',
    summary: 'Asks the cloud to store the stream of a camera, or to stop.',
    description: `\
Asks the cloud to store the stream of a camera, or to stop.

The command fails when the cloud does not agree. The setting is stored all the same, and the proxy repeats the request \
until the cloud agrees.`,
    outcome: ({ storage }) => (storage.storing ? 'is stored by the cloud' : 'is not stored by the cloud'),
  },
];

/** Adds the commands `camera record`, `camera passthrough` and `camera storage`. */
export function addSwitches(camera: Command, io: Io): void {
  camera
    .command('record')
    .summary('Switches the recording of a camera on or off.')
    .description(
      `Switches the recording of a camera on or off. The setting is stored and survives a restart. The camera stays connected, \
except when --audio starts the recording of audio.`,
    )
    .argument('<name>', 'Name of the camera.')
    .addArgument(
      new Argument('<state>', '"default" follows buffer.on_disk of the configuration.').choices(
        Object.keys(RECORD_VALUES),
      ),
    )
    .option('--audio', 'Records audio as well, if it is AAC or Opus. Without --audio and --no-audio, nothing changes.')
    .option('--no-audio', 'Records no audio.')
    .option('--json', 'Prints the camera as JSON, like "camera show --json".')
    .addOption(urlOption())
    .action((name: string, state: string, options: RecordOptions) => record(io, name, state, options));
  for (const { name, summary, description, outcome } of SWITCHES) {
    camera
      .command(name)
      .summary(summary)
      .description(description)
      .argument('<name>', 'Name of the camera.')
      .addArgument(new Argument('<state>').choices(['on', 'off']))
      .option('--json', 'Prints the camera as JSON, like "camera show --json".')
      .addOption(urlOption())
      .action(async (cameraName: string, state: string, options: RemoteOptions) => {
        const answer = await clientFor(options, io).change(cameraName, { [name]: state === 'on' });
        const text = `Camera "${printable(cameraName)}" ${outcome(answer.chrysproxy)}.\n`;
        io.out(options.json === true ? json(answer) : text);
      });
  }
}

async function record(io: Io, name: string, state: string, options: RecordOptions): Promise<void> {
  const camera = await clientFor(options, io).change(name, {
    record: RECORD_VALUES[state] ?? null,
    ...(options.audio === undefined ? {} : { record_audio: options.audio }),
  });
  if (options.json === true) {
    io.out(json(camera));
    return;
  }
  const { wanted } = camera.chrysproxy.recording;
  const why = state === 'default' ? ', as configured' : '';
  io.out(`Camera "${printable(name)}" is ${wanted ? '' : 'not '}recorded${why}.\n`);
}
