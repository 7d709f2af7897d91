import type { StreamProcess } from '../../rest/route-table/stream-process.js';
import { bytesText, printable, timeText } from '../format.js';
import { longSourceText } from './replay.js';

type Additions = StreamProcess['chrysproxy'];

/** The names and values that `camera show` prints. */
export function describedCamera(camera: StreamProcess): [string, string][] {
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
    ['Recording message', recording.message === '' ? undefined : recording.message],
    ['Passthrough', passthroughText(passthrough)],
    ['Passthrough message', passthrough.message === '' ? undefined : passthrough.message],
    ['Storage', storageText(storage)],
    ['Storage message', storage.message === '' ? undefined : storage.message],
    ['Last error', stats.last_error === '' ? undefined : stats.last_error],
    ['Added', timeText(camera.created)],
  ];
  return pairs.filter((pair): pair is [string, string] => pair[1] !== undefined);
}

/** Undefined: there are no learned facts. */
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
  return facts.length === 0 ? undefined : printable(facts.join(', '));
}

function recordingText(recording: StreamProcess['chrysproxy']['recording']): string {
  const { state, segments, bytes, lost_groups: lost, last_segment: lastMs } = recording;
  const newest = lastMs === null ? '' : `, the newest from ${timeText(lastMs)}`;
  const lostText = lost === 0 ? '' : `, ${lost} GOPs lost`;
  return segments === 0 && lost === 0
    ? state
    : `${state}, ${segments} segments, ${bytesText(bytes)}${newest}${lostText}`;
}

/** Undefined while the picture size is not known. */
export function sizeOf({ chrysproxy: { stream } }: StreamProcess): string | undefined {
  return stream === null || stream.width === 0 ? undefined : `${stream.width}x${stream.height}`;
}

/** Undefined while the frame rate is not known. */
export function fpsOf({ chrysproxy: { stats } }: StreamProcess): string | undefined {
  return stats.fps === 0 ? undefined : String(Math.round(stats.fps * 10) / 10);
}

function passthroughText({ wanted, state, packets, bytes, lost_packets: lost }: Additions['passthrough']): string {
  if (!wanted && packets === 0) return state;
  const lostText = lost === 0 ? '' : `, ${lost} packets lost`;
  return `${state}, ${packets} packets, ${bytesText(bytes)}${lostText}`;
}

function storageText({ wanted, storing, since }: Additions['storage']): string {
  const fact = `${storing ? 'on' : 'off'}${since === null ? '' : ` since ${timeText(since)}`}`;
  return wanted === null || wanted === storing ? fact : `${fact}, ${wanted ? 'on' : 'off'} is requested`;
}
