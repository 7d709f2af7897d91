import { Command, InvalidArgumentError, Option } from 'commander';
import { DURATION_FORMS, parseDurationMs } from '../../base/duration.js';
import type { ProbeResult } from '../../cameras/probe/probe-types.js';
import { TLS_VERIFY, TRANSPORTS } from '../../config/schema.js';
import type { ProbeAnswer, ProxyClient } from '../client.js';
import { CliError, EXIT } from '../exit-codes.js';
import { fields, json, printable } from '../format.js';
import type { Io } from '../io.js';
import { streamUrl } from '../stream-url.js';
import { clientFor, urlOption, type RemoteOptions } from './options.js';

interface Options extends RemoteOptions {
  readonly transport: (typeof TRANSPORTS)[number];
  readonly tlsVerify: (typeof TLS_VERIFY)[number];
  readonly timeout: number;
}

const DEFAULT_TIMEOUT_MS = 10_000;

const DESCRIPTION = `\
Opens a stream without adding it, watches it for one GOP, and prints what it is; or why it does not open.

If a proxy answers at --url, that proxy opens the stream. When one of its cameras has the same host, port and path, the \
proxy answers from that camera without a connection, because many cameras allow only one; the user name and password of \
the URL are then not checked. Without a proxy, and for a file: URL, the command opens the stream itself.`;

export function probeCommand(io: Io): Command {
  return new Command('probe')
    .summary('Prints what a stream is, or why it does not open.')
    .description(DESCRIPTION)
    .argument(
      '<url>',
      'rtsp://, rtsps:// or file: URL. "-" reads it from standard input, so that it is in no process list.',
    )
    .addOption(
      new Option('--transport <transport>', 'How RTP packets are received.').choices(TRANSPORTS).default('auto'),
    )
    .addOption(
      new Option(
        '--tls-verify <mode>',
        'How the certificate of an rtsps camera is checked. A probe has no stored certificate, so pin accepts any.',
      )
        .choices(TLS_VERIFY)
        .default('pin'),
    )
    .addOption(
      new Option('--timeout <duration>', 'Maximum time to open and watch the stream, 100ms to 10m.')
        .argParser(duration)
        .default(DEFAULT_TIMEOUT_MS, '10s'),
    )
    .option(
      '--json',
      'Prints the result as JSON: codec, profile, width, height, pixelFormat, fps, gopPackets, bitrateKbps, transport, openMs, ' +
        'and camera, the name of the running camera that answered. A number that is not known is 0.',
    )
    .addOption(urlOption())
    .action((url: string, options: Options) => probe(io, url, options));
}

/**
 * The running proxy probes the stream if there is one: for its own cameras it needs no connection, which matters if a camera
 * allows only one session. A `file:` URL names a file of this machine, so the command opens it itself.
 */
async function probe(io: Io, argument: string, options: Options): Promise<void> {
  const url = await streamUrl(argument, io);
  const client = /^\s*rtsps?:/i.test(url) ? await runningProxy(io, options) : undefined;
  const { transport, tlsVerify, timeout } = options;
  const result =
    client === undefined
      ? await probeHere(url, options)
      : resultOf(await client.probe({ rtsp_endpoint: url, transport, tls_verify: tlsVerify, timeout_ms: timeout }));
  io.out(options.json === true ? json(result) : fields(described(result)));
}

/** The proxy, if one answers. Its version is requested first, so that the password is sent only to a proxy. */
async function runningProxy(io: Io, options: Options): Promise<ProxyClient | undefined> {
  const client = clientFor(options, io);
  try {
    await client.info();
    return client;
  } catch (error) {
    if (error instanceof CliError && error.exitCode === EXIT.noProxy && options.url === undefined) return undefined;
    throw error;
  }
}

async function probeHere(url: string, { transport, tlsVerify, timeout }: Options): Promise<ProbeResult> {
  const { probeAlone } = await import('../../app/probe.js');
  return await probeAlone(url, { transport, tlsVerify, timeoutMs: timeout });
}

function resultOf(answer: ProbeAnswer): ProbeResult {
  const { codec, profile, width, height, fps, transport, camera } = answer;
  return {
    ...{ codec, profile, width, height, fps, transport },
    pixelFormat: answer.pixel_format,
    gopPackets: answer.gop_packets,
    bitrateKbps: answer.bitrate_kbps,
    openMs: answer.open_ms,
    ...(camera === null ? {} : { camera }),
  };
}

function described(result: ProbeResult): [string, string][] {
  const { camera } = result;
  return [
    ['Codec', `${result.codec} ${result.profile}`],
    ['Size', result.width === 0 ? 'not known yet' : `${result.width}x${result.height} ${result.pixelFormat}`],
    ['Frames per second', result.fps === 0 ? 'not known yet' : String(Math.round(result.fps * 100) / 100)],
    ['Keyframe every', result.gopPackets === 0 ? 'not known yet' : `${result.gopPackets} packets`],
    ['Bit rate', `${result.bitrateKbps} kbit/s`],
    ['Transport', result.transport],
    camera === undefined
      ? ['Opened in', `${result.openMs} ms`]
      : ['Answered by', `camera "${printable(camera)}", which runs with this stream; no connection was made`],
  ];
}

function duration(text: string): number {
  const ms = parseDurationMs(text);
  if (ms === undefined || ms < 100 || ms > 600_000) {
    throw new InvalidArgumentError(`It must be a duration from 100ms to 10m: ${DURATION_FORMS}.`);
  }
  return ms;
}
