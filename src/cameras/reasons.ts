import type { CaptureEnd } from '../native/types.js';
import type { CameraReason } from './types.js';

interface Explanation {
  readonly what: string;
  readonly advice: string;
}

/** For people: what happened, and what they can do about it. docs/reference/errors.md lists them. */
export const REASONS: Readonly<Record<CameraReason, Explanation>> = {
  unauthorized: {
    what: 'the camera refused the user name or password',
    advice: "check both in the camera's URL, and that this account may view the stream",
  },
  not_found: {
    what: 'the camera has no such stream',
    advice: "check the path of the camera's URL (its manual lists them)",
  },
  refused: {
    what: 'nothing listens on that port of the camera',
    advice: 'check address and port, and that the camera is switched on and has RTSP enabled',
  },
  unreachable: {
    what: 'there is no way to the camera through the network',
    advice: 'check its address, cable or radio link, and the routes of this machine',
  },
  unknown_host: {
    what: "the camera's host name does not resolve",
    advice: 'check its spelling and the name server of this machine, or use the IP address',
  },
  open_timeout: {
    what: 'the camera did not answer in time',
    advice: 'check address, port and firewall; restart the camera if others cannot open it either',
  },
  stalled: {
    what: 'the camera stopped sending video',
    advice: 'check the network to the camera; restart it if this comes again and again',
  },
  decode_stalled: {
    what: 'the video cannot be decoded',
    advice: "check the camera's encoder settings, or set them back to H.264 main profile",
  },
  connection_lost: {
    what: 'the connection to the camera was lost',
    advice: "check the camera's power and network; many cameras allow only a few viewers at once",
  },
  no_video: {
    what: 'the stream has no video',
    advice: "check the path of the camera's URL: this one may be its audio",
  },
  unsupported_codec: {
    what: 'the video is in a codec that cannot be decoded here',
    advice: "set the camera's encoder to H.264 or HEVC, then remove and add the camera",
  },
  frame_too_large: {
    what: 'the pictures are too large for a message to clients',
    advice: "choose a smaller resolution in the camera's encoder settings, or its second stream",
  },
  protocol_error: {
    what: 'the camera answered something unexpected',
    advice: 'check that the port is that of RTSP and not of HTTP or another service',
  },
  file_not_found: {
    what: 'The file is not there',
    advice: 'check its path, and that its disk is mounted; it is looked for again by itself',
  },
  file_unreadable: {
    what: 'The file cannot be played',
    advice: 'check with ffprobe that it is a whole video file, and that chrysproxy may read it',
  },
  file_changed: {
    what: 'The file changed while it was played',
    advice:
      'it is opened again by itself; put a new file in its place only when it is complete (write it elsewhere and rename it)',
  },
  replay_ended: {
    what: 'everything of the recorded range was played',
    advice: 'remove the camera and add it again to play it once more, with loop to play it over and over',
  },
  io_error: {
    what: 'the stream could not be read',
    advice: "see the camera's log lines for what libav said",
  },
  worker_crashed: {
    what: "the camera's worker thread crashed",
    advice: 'it is started again by itself; please report this with the log lines',
  },
};

/** Where a replay is no camera that could be looked at. */
const OF_REPLAYS: Partial<Record<CameraReason, Explanation>> = {
  not_found: {
    what: 'there is nothing to replay',
    advice: 'see with "chrysproxy recordings list" what there is; it is looked for again by itself',
  },
};

/** One sentence and an advice. `detail` is what the capture said, already masked. */
export function describeEnd(end: CaptureEnd | CameraReason, detail: string, ofReplay = false): string {
  if (end === 'stopped') return 'it was told to stop';
  const { what, advice } = (ofReplay ? OF_REPLAYS[end] : undefined) ?? REASONS[end];
  return `${what}${detail === '' ? '' : ` (${detail})`}: ${advice}`;
}
