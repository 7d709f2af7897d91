import { Command, InvalidArgumentError, Option } from 'commander';
import type { ProbeResult } from '../../app/probe.js';
import { DURATION_FORMS, parseDurationMs } from '../../base/duration.js';
import { fields, json } from '../format.js';
import type { Io } from '../io.js';
import { streamUrl } from '../stream-url.js';

interface Options {
  readonly transport: 'tcp' | 'udp';
  readonly timeout: number;
  readonly json?: boolean;
}

const DEFAULT_TIMEOUT_MS = 10_000;

export function probeCommand(io: Io): Command {
  return new Command('probe')
    .description('open a stream without adding it and say what it is, or why it does not open; needs no running proxy')
    .argument('<url>', 'rtsp://, rtsps:// or file: URL; - reads it from standard input, out of the process list')
    .addOption(new Option('--transport <transport>', 'how RTP comes in').choices(['tcp', 'udp']).default('tcp'))
    .addOption(
      new Option('--timeout <duration>', 'longest time for opening and watching')
        .argParser(duration)
        .default(DEFAULT_TIMEOUT_MS, '10s'),
    )
    .option('--json', 'print the result as JSON')
    .action((url: string, options: Options) => probe(io, url, options));
}

async function probe(io: Io, argument: string, options: Options): Promise<void> {
  const url = await streamUrl(argument, io);
  const { probeStream } = await import('../../app/probe.js');
  const result = await probeStream(url, { transport: options.transport, timeoutMs: options.timeout });
  io.out(options.json === true ? json(result) : fields(described(result)));
}

function described(result: ProbeResult): [string, string][] {
  return [
    ['Codec', `${result.codec} ${result.profile}`],
    ['Size', result.width === 0 ? 'not known yet' : `${result.width}x${result.height} ${result.pixelFormat}`],
    ['Frames per second', result.fps === 0 ? 'not known yet' : String(Math.round(result.fps * 100) / 100)],
    ['Keyframe every', result.gopPackets === 0 ? 'not known yet' : `${result.gopPackets} packets`],
    ['Bit rate', `${result.bitrateKbps} kbit/s`],
    ['Transport', result.transport],
    ['Opened in', `${result.openMs} ms`],
  ];
}

function duration(text: string): number {
  const ms = parseDurationMs(text);
  if (ms === undefined || ms < 100 || ms > 600_000) {
    throw new InvalidArgumentError(`It must be a duration from 100ms to 10m: ${DURATION_FORMS}.`);
  }
  return ms;
}
