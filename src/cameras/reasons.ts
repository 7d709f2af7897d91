import type { CaptureEnd } from '../native/types.js';
import { retryRule } from './reconnect/backoff.js';
import type { CameraReason } from './types.js';

/** Sentences for people, in Markdown: code stands between backticks. Messages show it between double quotes. */
interface ReasonText {
  /** What happened. */
  readonly what: string;
  /** What the user can do about it. */
  readonly advice: string;
  /** More about what happened, for the reference page only. */
  readonly note?: string;
}

/** The texts of every reason. Messages and docs/reference/errors.md are made of them. */
export const REASONS: Readonly<Record<CameraReason, ReasonText>> = {
  unauthorized: {
    what: 'The camera refused the user name or password.',
    note: 'Status 401. Many cameras lock an account after about five wrong passwords, so attempts are rare.',
    advice:
      "Check both in the camera's URL and add the camera again. `chrysproxy camera retry NAME` makes an attempt at once.",
  },
  not_found: {
    what: 'The camera has no such stream.',
    note: 'Status 404. For a replay: nothing is recorded in its range.',
    advice: "Check the path of the camera's URL (its manual lists them).",
  },
  refused: {
    what: 'Nothing listens on that port of the camera.',
    advice: 'Check address and port, and that the camera is switched on and has RTSP enabled.',
  },
  unreachable: {
    what: 'There is no route to the camera.',
    advice: 'Check its address, its cable or radio link, and the routes of this machine.',
  },
  unknown_host: {
    what: "The camera's host name does not resolve.",
    advice: 'Check its spelling and the name server of this machine, or use the IP address.',
  },
  open_timeout: {
    what: 'The camera did not answer in time.',
    note: 'The limit is `open_timeout_ms`.',
    advice:
      'Check address, port and firewall. Restart the camera if other players cannot open it either; raise the limit if it is only slow.',
  },
  stalled: {
    what: 'The camera stopped sending video.',
    note: 'The limit is `stall_timeout_ms`, or three times the usual gap between pictures if that is longer; `stats.stall_limit_ms` shows it.',
    advice:
      'Check the network to the camera, and restart the camera if this happens often. Raise `stall_timeout_ms` for a camera that sends pictures only now and then.',
  },
  decode_stalled: {
    what: 'The video cannot be decoded.',
    note: 'Packets arrive, and the decoder makes no frame of them: the stream may be damaged or have no keyframes.',
    advice: "Check the camera's encoder settings, or set them back to H.264 main profile.",
  },
  connection_lost: {
    what: 'The connection to the camera was lost.',
    advice: "Check the camera's power and network. Many cameras allow only a few viewers at once.",
  },
  no_video: {
    what: 'The stream has no video.',
    advice: "Check the path of the camera's URL: this one may be an audio stream.",
  },
  unsupported_codec: {
    what: 'There is no decoder for the codec of this video.',
    advice: "Set the camera's encoder to H.264 or HEVC, then remove the camera and add it again.",
  },
  protocol_error: {
    what: 'The camera sent an answer that is not valid RTSP.',
    advice: 'Check that the port is that of RTSP and not of HTTP or another service.',
  },
  credentials_needed: {
    what: 'The camera needs a user name and a password.',
    note: 'Status 401, and the URL has none.',
    advice: 'Remove the camera and add it again with `rtsp://user:password@host/path`.',
  },
  auth_unsupported: {
    what: 'The camera offers no authentication scheme that chrysproxy supports.',
    note: 'Status 401.',
    advice: "Choose Digest or Basic authentication for RTSP in the camera's settings.",
  },
  forbidden: {
    what: 'The user may not view this stream.',
    note: 'Status 403.',
    advice: "Give this user the right to view live video in the camera's settings, or use another user.",
  },
  session_limit: {
    what: 'The camera allows no further session.',
    note: 'Status 453.',
    advice:
      'Stop the other client, or raise the number of viewers in the camera. A session that was left open ends by itself, with most cameras after a minute.',
  },
  session_lost: {
    what: 'The camera no longer knows the session.',
    note: 'Status 454. A new session is opened.',
    advice: 'Do nothing if this is rare; otherwise check whether the camera restarts.',
  },
  transport_refused: {
    what: 'The camera refuses this transport (status 461).',
    advice: 'Set `transport` to auto, or to the other one of tcp and udp.',
  },
  option_unsupported: {
    what: 'The camera refuses an option that the stream needs.',
    note: 'Status 551.',
    advice: "Update the camera's firmware, and report this with the camera's log lines.",
  },
  request_refused: {
    what: 'The camera refused a request.',
    note: 'Another status from 400 to 499.',
    advice: "Check the path of the camera's URL. The status in the message says what the camera rejects.",
  },
  camera_error: {
    what: 'The camera reports an error of its own.',
    note: 'A status from 500 on.',
    advice: 'Restart the camera if this happens often. Many cameras are overloaded by too many viewers.',
  },
  tls_failed: {
    what: 'The TLS handshake with the camera failed.',
    advice: 'Check that the port speaks TLS (rtsps, usually 322), or use an `rtsp://` URL.',
  },
  certificate_untrusted: {
    what: "The camera's certificate is not valid for this host.",
    note: '`tls_verify` is verify.',
    advice: 'Install a valid certificate in the camera, or set `tls_verify` to pin.',
  },
  certificate_changed: {
    what: 'The camera shows another certificate than before.',
    note: '`tls_verify` is pin.',
    advice:
      'If the certificate was renewed, accept it with `chrysproxy camera retry NAME --forget`. Otherwise another device may answer in place of the camera.',
  },
  encrypted_media: {
    what: 'The camera offers only encrypted video (SRTP).',
    advice: "Switch SRTP off in the camera's RTSP settings (enableSrtp), or use an `rtsps://` URL.",
  },
  keepalive: {
    what: 'The camera ends each session after the same time, as if it did not see the keepalive.',
    note: 'The next keepalive method is tried.',
    advice: 'Report the model of the camera if this does not stop.',
  },
  no_data: {
    what: 'The camera opened the stream and sends nothing.',
    advice: 'Set `transport` to tcp if a firewall drops UDP, or restart the camera.',
  },
  too_many_redirects: {
    what: 'The camera redirected more than three times.',
    advice: "Use the address that the camera redirects to in the camera's URL.",
  },
  message_too_large: {
    what: 'The camera sent an answer that is too large.',
    note: 'A header, a session description or a body exceeds its limit.',
    advice: 'Check that the port is that of RTSP, and restart the camera if it is.',
  },
  picture_too_large: {
    what: 'The camera sent a compressed picture that is too large.',
    advice: "Lower the bit rate or the resolution in the camera's encoder settings.",
  },
  too_many_pixels: {
    what: 'The pictures have more pixels than `max_pixels` allows.',
    advice: 'Choose a smaller resolution in the camera, or raise `max_pixels` of this camera or `camera.max_pixels`.',
  },
  flood: {
    what: 'The camera sends more messages or packets than a stream needs.',
    advice: 'Restart the camera. The delay before the next attempt grows with each such failure.',
  },
  file_not_found: {
    what: 'The file does not exist.',
    advice: 'Check its path, and that its disk is mounted. The next attempt is automatic.',
  },
  file_unreadable: {
    what: 'The file cannot be played.',
    note: 'It is empty, cut off, not a video file, without a video track, or chrysproxy may not read it.',
    advice: 'Check with ffprobe that it is a whole video file, and that chrysproxy may read it.',
  },
  file_changed: {
    what: 'The file changed while it was played.',
    note: 'It was deleted, replaced, cut off or written to.',
    advice:
      'The file is opened again automatically. To replace a file, write the new one elsewhere and rename it when it is complete.',
  },
  replay_ended: {
    what: 'The replay reached the end of its range.',
    advice: 'Remove the camera and add it again to play it once more, with loop=true to play it over and over.',
  },
  io_error: {
    what: 'The stream could not be read.',
    advice: "See the camera's log lines.",
  },
  worker_crashed: {
    what: "The camera's worker thread crashed.",
    note: 'A new thread is started. Other cameras are not affected.',
    advice: 'Report this with the log lines.',
  },
};

/** Texts that differ when the camera is a replay. */
const REPLAY_REASONS: Partial<Record<CameraReason, ReasonText>> = {
  not_found: {
    what: 'There is nothing to replay.',
    advice: 'List the recordings with `chrysproxy recordings list`. The next attempt is automatic.',
  },
};

/** The message for a person: what happened, `detail` (what the capture reported, already masked), and what to do. */
export function describeEnd(end: CaptureEnd | CameraReason, detail: string, ofReplay = false): string {
  if (end === 'stopped') return 'The camera was stopped.';
  const { what, advice } = (ofReplay ? REPLAY_REASONS[end] : undefined) ?? REASONS[end];
  return [asPlainText(what), asSentence(detail), asPlainText(advice)].filter(Boolean).join(' ');
}

/** The texts of a reason on the reference page, in Markdown. */
export function reasonReference(reason: CameraReason): { readonly meaning: string; readonly advice: string } {
  const { what, note = '', advice } = REASONS[reason];
  return { meaning: [what, note, retryRule(reason)].filter(Boolean).join(' '), advice };
}

function asPlainText(markdown: string): string {
  return markdown.replaceAll('`', '"');
}

/** Adds a full stop, and a capital letter unless the text begins with a name such as a file's. */
function asSentence(text: string): string {
  const trimmed = text.trim();
  if (trimmed === '') return '';
  const begun = /^[a-z]+(?:[\s,:]|$)/.test(trimmed) ? `${trimmed.charAt(0).toUpperCase()}${trimmed.slice(1)}` : trimmed;
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
