/** Why a capture ended or could not begin. Each is a row of docs/reference/errors.md. */
export const CAPTURE_ENDS = [
  'stopped', // the stop flag was raised
  'unauthorized', // the camera refused the user name or password (401)
  'not_found', // no such path on that camera (404), or nothing recorded to replay
  'refused', // nothing listens on that port
  'unreachable', // no route to that host
  'unknown_host', // the name does not resolve
  'open_timeout', // not open within the open deadline
  'stalled', // open, but no video packet within the stall deadline
  'decode_stalled', // packets arrive, and the decoder makes no frame of them
  'connection_lost', // the camera closed or reset the connection
  'no_video', // the session has no video stream
  'unsupported_codec', // libav has no decoder for it: retrying cannot mend this
  'protocol_error', // the camera's answer is not RTSP
  'credentials_needed', // the camera requires a user name and password, and the URL has none (401)
  'auth_unsupported', // the camera offers no authentication scheme that is known here (401)
  'forbidden', // the user may not view this stream (403)
  'session_limit', // the camera allows no further session (453)
  'session_lost', // the camera does not know the session any more (454)
  'transport_refused', // the camera refuses this transport (461)
  'option_unsupported', // the camera refuses an option that the stream needs (551)
  'request_refused', // another 4xx status
  'camera_error', // a 5xx status
  'tls_failed', // the TLS handshake failed
  'certificate_untrusted', // tls_verify is verify, and the certificate is not valid for this host
  'certificate_changed', // tls_verify is pin, and the certificate is not the pinned one
  'encrypted_media', // the camera offers only encrypted RTP (SRTP)
  'keepalive', // the camera ends the session at a constant interval
  'no_data', // the session is open, and no RTP packet arrived
  'too_many_redirects', // more than three redirects
  'message_too_large', // a header, an SDP or a body exceeds its limit
  'picture_too_large', // a compressed picture exceeds its limit
  'too_many_pixels', // the declared size exceeds max_pixels
  'flood', // the camera sends more messages or packets than a stream needs
  'file_not_found', // there is no such file
  'file_unreadable', // the file is empty, cut off, or no video file
  'file_changed', // the file was deleted, replaced or cut off while it was played
  'replay_ended', // the recorded range was played to its end
  'io_error', // anything else, with libav's own text
] as const;
export type CaptureEnd = (typeof CAPTURE_ENDS)[number];
