import type { CaptureEnd } from '../native/types.js';
import type { CameraReason } from './types.js';

interface Explanation {
  readonly what: string;
  readonly advice: string;
}

/** For people: what happened, and what they can do about it. docs/reference/errors.md lists them. */
export const REASONS: Readonly<Record<CameraReason, Explanation>> = {
  unauthorized: {
    what: 'The camera refused the user name or password',
    advice:
      'check both in the camera\'s URL and add the camera again; attempts are rare, because cameras lock accounts, and "chrysproxy camera retry NAME" makes one at once',
  },
  credentials_needed: {
    what: 'The camera needs a user name and a password',
    advice: 'remove the camera and add it again with rtsp://user:password@host/path',
  },
  auth_unsupported: {
    what: 'The camera offers no authentication scheme that is known here',
    advice: "choose Digest or Basic authentication for RTSP in the camera's settings",
  },
  forbidden: {
    what: 'The user may not view this stream',
    advice: "give this user the right to view live video in the camera's settings, or use another user",
  },
  not_found: {
    what: 'The camera has no such stream',
    advice: "check the path of the camera's URL (its manual lists them)",
  },
  refused: {
    what: 'Nothing listens on that port of the camera',
    advice: 'check address and port, and that the camera is switched on and has RTSP enabled',
  },
  unreachable: {
    what: 'There is no way to the camera through the network',
    advice: 'check its address, cable or radio link, and the routes of this machine',
  },
  unknown_host: {
    what: "The camera's host name does not resolve",
    advice: 'check its spelling and the name server of this machine, or use the IP address',
  },
  open_timeout: {
    what: 'The camera did not answer in time',
    advice: 'check address, port and firewall; restart the camera if others cannot open it either',
  },
  stalled: {
    what: 'The camera stopped sending video',
    advice:
      'check the network to the camera; restart it if this comes again and again; raise stall_timeout_ms if it sends pictures only now and then',
  },
  decode_stalled: {
    what: 'The video cannot be decoded',
    advice: "check the camera's encoder settings, or set them back to H.264 main profile",
  },
  connection_lost: {
    what: 'The connection to the camera was lost',
    advice: "check the camera's power and network; many cameras allow only a few viewers at once",
  },
  no_video: {
    what: 'The stream has no video',
    advice: "check the path of the camera's URL: this one may be its audio",
  },
  unsupported_codec: {
    what: 'The video is in a codec that cannot be decoded here',
    advice: "set the camera's encoder to H.264 or HEVC, then remove and add the camera",
  },
  protocol_error: {
    what: 'The camera answered something unexpected',
    advice: 'check that the port is that of RTSP and not of HTTP or another service',
  },
  session_limit: {
    what: "Another client uses the camera's only session",
    advice:
      'stop the other client, or raise the number of viewers in the camera; a session that was left open ends by itself after about a minute',
  },
  session_lost: {
    what: 'The camera does not know the session any more',
    advice: 'nothing, if it stays rare: a new session is opened; otherwise see whether the camera restarts',
  },
  transport_refused: {
    what: 'The camera refuses this transport (461)',
    advice: 'set transport to auto, or to the other one of tcp and udp',
  },
  option_unsupported: {
    what: 'The camera refuses an option that the stream needs',
    advice: "update the camera's firmware, and report this with the log lines",
  },
  request_refused: {
    what: 'The camera refused a request',
    advice: "check the path of the camera's URL; the status says what the camera objects to",
  },
  camera_error: {
    what: 'The camera reports an error of its own',
    advice: 'restart the camera if this comes again and again; many cameras are overloaded by too many viewers',
  },
  tls_failed: {
    what: 'The TLS connection to the camera failed',
    advice: 'check that the port speaks TLS (rtsps, usually 322), or use an rtsp:// URL',
  },
  certificate_untrusted: {
    what: 'The certificate of the camera is not valid for this host',
    advice: 'install a valid certificate in the camera, or set tls_verify to pin',
  },
  certificate_changed: {
    what: 'The camera shows another certificate than before',
    advice:
      'if the certificate was renewed, accept it with "chrysproxy camera retry NAME --forget"; otherwise something else may answer in place of the camera',
  },
  encrypted_media: {
    what: 'The camera offers only encrypted video (SRTP)',
    advice: "switch SRTP off in the camera's RTSP settings (enableSrtp), or use an rtsps:// URL",
  },
  keepalive: {
    what: 'The camera ends the session again and again after the same time, as if it did not see the keepalive',
    advice: 'the next keepalive method is tried by itself; report the model of the camera if this does not stop',
  },
  no_data: {
    what: 'The camera opened the stream and sends nothing',
    advice: 'set transport to tcp if a firewall drops UDP, or restart the camera',
  },
  too_many_redirects: {
    what: 'The camera redirects again and again',
    advice: "use the address that the camera redirects to in the camera's URL",
  },
  message_too_large: {
    what: 'The camera sent an answer that is too large',
    advice: 'check that the port is that of RTSP; restart the camera if it was',
  },
  picture_too_large: {
    what: 'The camera sent a picture that is too large',
    advice: "lower the bit rate or the resolution in the camera's encoder settings",
  },
  too_many_pixels: {
    what: 'The pictures have more pixels than max_pixels allows',
    advice: 'choose a smaller resolution in the camera, or raise max_pixels of this camera or camera.max_pixels',
  },
  flood: {
    what: 'The camera sends more messages than a stream needs',
    advice: 'restart the camera; the pause before the next attempt grows with each such failure',
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
    what: 'Everything of the recorded range was played',
    advice: 'remove the camera and add it again to play it once more, with loop to play it over and over',
  },
  io_error: {
    what: 'The stream could not be read',
    advice: "see the camera's log lines",
  },
  worker_crashed: {
    what: "The camera's worker thread crashed",
    advice: 'it is started again by itself; please report this with the log lines',
  },
};

/** Where a replay is no camera that could be looked at. */
const OF_REPLAYS: Partial<Record<CameraReason, Explanation>> = {
  not_found: {
    what: 'There is nothing to replay',
    advice: 'see with "chrysproxy recordings list" what there is; it is looked for again by itself',
  },
};

/** Sentences: what happened, `detail` (what the capture said, already masked), and what to do. */
export function describeEnd(end: CaptureEnd | CameraReason, detail: string, ofReplay = false): string {
  if (end === 'stopped') return 'It was told to stop.';
  const { what, advice } = (ofReplay ? OF_REPLAYS[end] : undefined) ?? REASONS[end];
  return [what, detail, advice].map(asSentence).filter(Boolean).join(' ');
}

/** With a capital at its beginning, unless that is a name such as a file's, and a full stop at its end. */
function asSentence(text: string): string {
  const trimmed = text.trim();
  if (trimmed === '') return '';
  const begun = /^[a-z]+(?:[\s,:]|$)/.test(trimmed) ? `${trimmed.charAt(0).toUpperCase()}${trimmed.slice(1)}` : trimmed;
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
