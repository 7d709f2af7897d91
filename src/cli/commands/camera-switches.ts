import { Argument, type Command } from 'commander';
import type { StreamProcess } from '../../rest/routes/stream-process.js';
import type { ProxyClient } from '../client.js';
import { bytesText, json, plain, timeText } from '../format.js';
import type { Io } from '../io.js';

export interface SwitchOptions {
  readonly url?: string;
  readonly json?: boolean;
}

type Additions = StreamProcess['chrysproxy'];

interface Switch {
  readonly name: 'passthrough' | 'storage';
  readonly description: string;
  /** What is to be said when it was switched. */
  readonly outcome: (additions: Additions) => string;
}

const SWITCHES: readonly Switch[] = [
  {
    name: 'passthrough',
    description: 'start or stop to push the stream of a camera to its RTMP endpoint',
    outcome: ({ passthrough }) => (passthrough.wanted ? 'is passed on to its RTMP endpoint' : 'is not passed on'),
  },
  {
    name: 'storage',
    description: 'tell the cloud to store the stream of a camera, or no longer to',
    outcome: ({ storage }) => (storage.storing ? 'is stored by the cloud' : 'is not stored by the cloud'),
  },
];

/** Adds `camera passthrough` and `camera storage`. */
export function addSwitches(
  camera: Command,
  io: Io,
  clientFor: (options: SwitchOptions, io: Io) => ProxyClient,
  urlOption: () => Parameters<Command['addOption']>[0],
): void {
  for (const { name, description, outcome } of SWITCHES) {
    camera
      .command(name)
      .description(description)
      .argument('<name>')
      .addArgument(new Argument('<wish>').choices(['on', 'off']))
      .option('--json', 'print the camera as JSON')
      .addOption(urlOption())
      .action(async (cameraName: string, wish: string, options: SwitchOptions) => {
        const answer = await clientFor(options, io).change(cameraName, { [name]: wish === 'on' });
        const text = `Camera "${plain(cameraName)}" ${outcome(answer.chrysproxy)}.\n`;
        io.out(options.json === true ? json(answer) : text);
      });
  }
}

export function passthroughText({
  wanted,
  state,
  packets,
  bytes,
  lost_packets: lost,
}: Additions['passthrough']): string {
  if (!wanted && packets === 0) return state;
  const gone = lost === 0 ? '' : `, ${lost} packets lost`;
  return `${state}, ${packets} packets, ${bytesText(bytes)}${gone}`;
}

export function storageText({ wanted, storing, since }: Additions['storage']): string {
  const fact = storing ? 'on' : 'off';
  const told = since === null ? '' : ` since ${timeText(since)}`;
  return wanted === null || wanted === storing
    ? `${fact}${told}`
    : `${fact}${told}, ${wanted ? 'on' : 'off'} is wanted`;
}
