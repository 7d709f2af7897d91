import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import type { StreamProcess } from '../../rest/routes/stream-process.js';
import { clientTlsOf, type TlsOptions } from '../client-tls.js';
import { ProxyClient, type CameraBody } from '../client.js';
import { bytesText, fields, json, plain, table, timeText } from '../format.js';
import type { Io } from '../io.js';
import { addSwitches, passthroughText, storageText } from './camera-switches.js';
import { longSourceText, type ReplayOptions, sourceOf, sourceText, withReplayOptions } from './replay.js';

interface RemoteOptions {
  readonly url?: string;
  readonly json?: boolean;
}

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

interface RecordOptions extends RemoteOptions {
  readonly audio?: boolean;
}

interface RetryOptions extends RemoteOptions {
  readonly forget?: boolean;
}

const RECORD_WISHES: Readonly<Record<string, boolean | null>> = { on: true, off: false, default: null };

/** `--url`, for every command that talks to a running proxy. */
export function urlOption(): Option {
  return new Option('--url <url>', 'address of the proxy (or CHRYSPROXY_URL; default http://127.0.0.1:8080)');
}

export function clientFor(options: { readonly url?: string } & TlsOptions, io: Io): ProxyClient {
  return new ProxyClient(options.url ?? io.env['CHRYSPROXY_URL'], clientTlsOf(options, io.env));
}

export function cameraCommand(io: Io): Command {
  const camera = new Command('camera').description(
    'add, list, show, record, pass on, retry and remove cameras of a running proxy',
  );
  withReplayOptions(camera.command('add'))
    .description('add a camera and start it')
    .argument('<name>', '1 to 128 of the characters A-Z a-z 0-9 . _ -')
    .argument('[url]', 'rtsp://user:password@host/path; - reads it from standard input, out of the process list')
    .option('--transport <auto|tcp|udp>', 'how RTP comes in')
    .option('--tls-verify <verify|pin|none>', 'how the certificate of an rtsps camera is checked')
    .option('--max-pixels <n>', 'maximum number of pixels of a picture, width times height', wholeNumber)
    .option('--rtmp <url>', 'where passthrough sends the stream')
    .option('--open-timeout-ms <ms>', 'timeout for opening the stream', wholeNumber)
    .option('--stall-timeout-ms <ms>', 'minimum time without a picture that counts as a stall', wholeNumber)
    .option('--decoder-threads <n>', 'threads that decode it', wholeNumber)
    .option('--record', 'record it, whatever buffer.on_disk of the configuration says')
    .option('--no-record', 'do not record it, whatever the configuration says')
    .option('--record-audio', 'record its audio, too, if it is AAC or Opus')
    .option('--json', 'print the camera as JSON')
    .addOption(urlOption())
    .action((name: string, url: string | undefined, options: AddOptions) => add(io, name, url, options));
  camera
    .command('list')
    .description('one line for each camera')
    .option('--json', 'print the cameras as JSON, as GET /api/v1/processlist gives them')
    .addOption(urlOption())
    .action((options: RemoteOptions) => list(io, options));
  camera
    .command('show')
    .description('what is known about one camera')
    .argument('<name>')
    .option('--log', 'also print the last lines of its log')
    .option('--json', 'print the camera as JSON, as GET /api/v1/process/<name> gives it')
    .addOption(urlOption())
    .action((name: string, options: RemoteOptions & { log?: boolean }) => show(io, name, options));
  camera
    .command('record')
    .description('switch the recording of a camera on or off')
    .argument('<name>')
    .addArgument(
      new Argument('<wish>', 'default = as buffer.on_disk of the configuration says').choices(
        Object.keys(RECORD_WISHES),
      ),
    )
    .option('--audio', 'record its audio, too, if it is AAC or Opus')
    .option('--no-audio', 'record no audio')
    .option('--json', 'print the camera as JSON')
    .addOption(urlOption())
    .action((name: string, wish: string, options: RecordOptions) => record(io, name, wish, options));
  addSwitches(camera, io, clientFor, urlOption);
  camera
    .command('retry')
    .description('connect to a camera at once, instead of at its next attempt')
    .argument('<name>')
    .option('--forget', 'forget what was learnt of it, with its pinned certificate, and connect anew')
    .option('--json', 'print the camera as JSON')
    .addOption(urlOption())
    .action((name: string, options: RetryOptions) => retry(io, name, options));
  camera
    .command('remove')
    .description('stop a camera and forget it')
    .argument('<name>')
    .addOption(urlOption())
    .action((name: string, options: RemoteOptions) => remove(io, name, options));
  return camera;
}

async function add(io: Io, name: string, url: string | undefined, options: AddOptions): Promise<void> {
  const client = clientFor(options, io);
  const body: CameraBody = {
    name,
    ...(await sourceOf(io, client, url, options)),
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
  await client.add(body);
  io.out(
    options.json === true
      ? json(await client.show(name))
      : `Camera "${plain(name)}" is added. See how it does with: ${io.command} camera show ${plain(name)}\n`,
  );
}

async function list(io: Io, options: RemoteOptions): Promise<void> {
  const cameras = await clientFor(options, io).list();
  if (options.json === true) {
    io.out(json(cameras));
  } else if (cameras.length === 0) {
    io.out(`There is no camera yet. Add one with: ${io.command} camera add NAME URL\n`);
  } else {
    const head = ['NAME', 'STATE', 'CODEC', 'SIZE', 'FPS', 'SOURCE', 'MESSAGE'];
    io.out(
      table(
        head,
        cameras.map((camera) => [
          camera.name,
          camera.chrysproxy.phase,
          camera.chrysproxy.stream?.codec ?? '-',
          sizeOf(camera) ?? '-',
          fpsOf(camera) ?? '-',
          sourceText(camera),
          camera.chrysproxy.message,
        ]),
      ),
    );
  }
}

async function show(io: Io, name: string, options: RemoteOptions & { readonly log?: boolean }): Promise<void> {
  const camera = await clientFor(options, io).show(name);
  if (options.json === true) {
    io.out(json(camera));
    return;
  }
  io.out(fields(described(camera)));
  if (options.log === true) {
    const lines = [camera.logs.stdout, camera.logs.stderr]
      .flatMap((encoded) => Buffer.from(encoded, 'base64').toString('utf8').split('\n'))
      .filter((line) => line !== '')
      .sort();
    io.out(`\n${lines.map((line) => `${plain(line)}\n`).join('')}`);
  }
}

async function record(io: Io, name: string, wish: string, options: RecordOptions): Promise<void> {
  const camera = await clientFor(options, io).change(name, {
    record: RECORD_WISHES[wish] ?? null,
    ...(options.audio === undefined ? {} : { record_audio: options.audio }),
  });
  if (options.json === true) {
    io.out(json(camera));
    return;
  }
  const { wanted } = camera.chrysproxy.recording;
  io.out(`Camera "${plain(name)}" is ${wanted ? '' : 'not '}recorded${wish === 'default' ? ', as configured' : ''}.\n`);
}

async function retry(io: Io, name: string, options: RetryOptions): Promise<void> {
  const camera = await clientFor(options, io).retry(name, options.forget === true);
  const text =
    options.forget === true
      ? `What was learnt of camera "${plain(name)}" is forgotten, and it is connected anew.\n`
      : `Camera "${plain(name)}" is ${camera.chrysproxy.phase}.\n`;
  io.out(options.json === true ? json(camera) : text);
}

async function remove(io: Io, name: string, options: RemoteOptions): Promise<void> {
  await clientFor(options, io).remove(name);
  io.out(`Camera "${plain(name)}" is removed.\n`);
}

function described(camera: StreamProcess): [string, string][] {
  const { recording, passthrough, storage, stats, stream, ...ours } = camera.chrysproxy;
  const pairs: [string, string | undefined][] = [
    ['Name', camera.name],
    ['Source', longSourceText(camera)],
    ['RTMP', camera.rtmp_endpoint],
    ['Transport', ours.transport],
    ['TLS', /^rtsps:/i.test(camera.rtsp_endpoint) ? ours.tls_verify : undefined],
    ['Maximum pixels', ours.max_pixels === null ? undefined : String(ours.max_pixels)],
    ['Learned', learnedText(ours.learned)],
    ['State', `${ours.phase} since ${timeText(ours.since)}`],
    ['Message', ours.message === '' ? undefined : ours.message],
    ['Next attempt', ours.next_attempt === null ? undefined : timeText(ours.next_attempt)],
    [
      'Stream',
      stream === null ? undefined : `${stream.codec} ${stream.profile} ${sizeOf(camera) ?? ''} ${stream.pixel_format}`,
    ],
    ['Frames per second', fpsOf(camera)],
    ['Keyframe every', stats.gop_packets === 0 ? undefined : `${stats.gop_packets} packets`],
    ['Stall limit', stats.stall_limit_ms === null ? undefined : `${stats.stall_limit_ms / 1000} s without a picture`],
    [
      'Packets',
      `${stats.packets}, ${stats.keyframes} of them keyframes, ${stats.packets_damaged} damaged, ${stats.bytes} bytes`,
    ],
    [
      'Frames',
      `${stats.frames_decoded} decoded, ${stats.frames_corrupt} damaged, ${stats.frames_dropped} dropped, ${stats.decode_errors} errors`,
    ],
    ['Decoding now', stats.decoding],
    ['Callers', String(stats.callers)],
    ['Last packet', stats.last_packet === null ? undefined : timeText(stats.last_packet)],
    ['Last frame', stats.last_frame === null ? undefined : timeText(stats.last_frame)],
    ['Reconnects', String(stats.reconnects)],
    ['Recording', recordingText(recording)],
    ['Recording says', recording.message === '' ? undefined : recording.message],
    ['Passthrough', passthroughText(passthrough)],
    ['Passthrough says', passthrough.message === '' ? undefined : passthrough.message],
    ['Storage', storageText(storage)],
    ['Storage says', storage.message === '' ? undefined : storage.message],
    ['Last error', stats.last_error === '' ? undefined : stats.last_error],
    ['Added', timeText(camera.created)],
  ];
  return pairs.filter((pair): pair is [string, string] => pair[1] !== undefined);
}

/** What was learnt from the connections of a camera; undefined: nothing yet. */
function learnedText(learned: StreamProcess['chrysproxy']['learned']): string | undefined {
  if (learned === null) return undefined;
  const { jpeg_size: jpeg } = learned;
  const facts = [
    learned.transport === null ? '' : `transport ${learned.transport}`,
    learned.keepalive === null ? '' : `keepalive ${learned.keepalive}`,
    learned.authentication === null ? '' : `authentication ${learned.authentication}`,
    learned.usual_gap_ms === null ? '' : `usual gap ${learned.usual_gap_ms} ms`,
    learned.without_receiver_reports ? 'no receiver reports' : '',
    learned.marks_every_slice ? 'marks every slice' : '',
    learned.sequence_unreliable ? 'sequence numbers unreliable' : '',
    jpeg === null ? '' : `JPEG ${jpeg.width}x${jpeg.height}`,
    learned.certificate === null ? '' : `certificate ${learned.certificate}`,
  ].filter((fact) => fact !== '');
  return facts.length === 0 ? undefined : plain(facts.join(', '));
}

function recordingText(recording: StreamProcess['chrysproxy']['recording']): string {
  const { state, segments, bytes, lost_groups: lost, last_segment: lastMs } = recording;
  const newest = lastMs === null ? '' : `, the newest of ${timeText(lastMs)}`;
  const gone = lost === 0 ? '' : `, ${lost} groups of pictures lost`;
  return segments === 0 && lost === 0 ? state : `${state}, ${segments} segments, ${bytesText(bytes)}${newest}${gone}`;
}

function sizeOf({ chrysproxy: { stream } }: StreamProcess): string | undefined {
  return stream === null || stream.width === 0 ? undefined : `${stream.width}x${stream.height}`;
}

function fpsOf({ chrysproxy: { stats } }: StreamProcess): string | undefined {
  return stats.fps === 0 ? undefined : String(Math.round(stats.fps * 10) / 10);
}

/** For an option's value. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) {
    throw new InvalidArgumentError('It must be a whole number.');
  }
  return Number(text);
}
