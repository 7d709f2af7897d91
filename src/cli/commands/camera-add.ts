import type { Command } from 'commander';
import type { CameraBody } from '../client.js';
import { json, printable } from '../format.js';
import type { Io } from '../io.js';
import { clientFor, TIME_HELP, urlOption, wholeNumber, type RemoteOptions } from './options.js';
import { addReplayOptions, sourceOf, type ReplayOptions } from './replay.js';

interface AddOptions extends RemoteOptions, ReplayOptions {
  readonly transport?: string;
  readonly tlsVerify?: string;
  readonly maxPixels?: number;
  readonly rtmp?: string;
  readonly openTimeoutMs?: number;
  readonly stallTimeoutMs?: number;
  readonly decoderThreads?: number;
  readonly record?: boolean;
  readonly recordAudio?: boolean;
}

const DESCRIPTION = `\
Adds a camera and starts it. With --replay instead of a URL, it plays a recorded range of another camera.

The camera is stored and returns after a restart. The command does not wait until the camera is connected. Options that \
are left out have the values of the configuration.

${TIME_HELP}`;

/** Adds the command `camera add`. */
export function addAddCommand(camera: Command, io: Io): void {
  const command = camera
    .command('add')
    .summary('Adds a camera and starts it.')
    .description(DESCRIPTION)
    .argument('<name>', '1 to 128 of the characters A-Z a-z 0-9 . _ -; the first is a letter or a digit.')
    .argument(
      '[url]',
      'rtsp://user:password@host/path. "-" reads it from standard input, so that it is in no process list.',
    )
    .option('--transport <auto|tcp|udp>', 'How RTP packets are received.')
    .option('--tls-verify <verify|pin|none>', 'How the certificate of an rtsps camera is checked.')
    .option('--max-pixels <n>', 'Maximum number of pixels of a picture, width times height.', wholeNumber)
    .option('--open-timeout-ms <ms>', 'Timeout for opening the stream, in milliseconds.', wholeNumber)
    .option('--stall-timeout-ms <ms>', 'Minimum time without a picture that is a stall, in milliseconds.', wholeNumber)
    .option('--decoder-threads <n>', 'Number of threads that decode the camera.', wholeNumber)
    .option('--rtmp <url>', 'RTMP URL that passthrough sends the stream to.')
    .option('--record', 'Records the camera, regardless of buffer.on_disk.')
    .option('--no-record', 'Does not record the camera, regardless of buffer.on_disk.')
    .option('--record-audio', 'Records audio as well, if it is AAC or Opus.');
  addReplayOptions(command)
    .option('--json', 'Prints the camera as JSON, like "camera show --json".')
    .addOption(urlOption())
    .action((name: string, url: string | undefined, options: AddOptions) => add(io, name, url, options));
}

async function add(io: Io, name: string, url: string | undefined, options: AddOptions): Promise<void> {
  const client = clientFor(options, io);
  await client.add(bodyOf(name, await sourceOf(io, client, url, options), options));
  io.out(
    options.json === true
      ? json(await client.show(name))
      : `Camera "${printable(name)}" is added. Show its state with: ${io.command} camera show ${printable(name)}\n`,
  );
}

function bodyOf(name: string, source: Pick<CameraBody, 'rtsp_endpoint' | 'replay'>, options: AddOptions): CameraBody {
  return {
    name,
    ...source,
    ...(options.rtmp === undefined ? {} : { rtmp_endpoint: options.rtmp }),
    ...(options.transport === undefined ? {} : { transport: options.transport }),
    ...(options.tlsVerify === undefined ? {} : { tls_verify: options.tlsVerify }),
    ...(options.maxPixels === undefined ? {} : { max_pixels: options.maxPixels }),
    ...(options.openTimeoutMs === undefined ? {} : { open_timeout_ms: options.openTimeoutMs }),
    ...(options.stallTimeoutMs === undefined ? {} : { stall_timeout_ms: options.stallTimeoutMs }),
    ...(options.decoderThreads === undefined ? {} : { decoder_threads: options.decoderThreads }),
    ...(options.record === undefined ? {} : { record: options.record }),
    ...(options.recordAudio === undefined ? {} : { record_audio: options.recordAudio }),
  };
}
