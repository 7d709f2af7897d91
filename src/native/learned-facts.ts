/**
 * What earlier connections found out about a camera. Stored in the registry, shown in the camera's state, and cleared when its
 * URL changes. Empty strings and zeros mean: not known.
 */
export interface LearnedFacts {
  /** 'udp' after the camera refused TCP, or 'multicast'. */
  readonly transport: '' | 'tcp' | 'udp' | 'multicast';
  /** The method that keeps the session alive. */
  readonly keepalive: '' | 'GET_PARAMETER' | 'OPTIONS' | 'SET_PARAMETER';
  /** The authentication scheme that worked, for example 'Digest SHA-256'. */
  readonly authentication: string;
  /** The camera answers RTCP receiver reports with errors, so none are sent. */
  readonly withoutReceiverReports: boolean;
  /** The camera sets the RTP marker on every slice. */
  readonly marksEverySlice: boolean;
  /** The camera's RTP sequence numbers have gaps although no packet is missing. */
  readonly sequenceUnreliable: boolean;
  /** Pixels. Size of JPEG pictures that are too large for their RTP header. */
  readonly jpegWidth: number;
  readonly jpegHeight: number;
  /** The longest usual time between two pictures, milliseconds. */
  readonly usualGapMs: number;
  /** SHA-256 fingerprint of the pinned certificate, 64 hex digits. */
  readonly certificate: string;
  /** Id and control URL (without credentials) of the newest session, to end it after the proxy was killed. */
  readonly session: string;
  readonly sessionUrl: string;
  /** Successive sessions in which no RTP packet came over TCP. */
  readonly silentTcpSessions: number;
  /** Duration of the last session that the camera ended, milliseconds. */
  readonly endedAfterMs: number;
}
