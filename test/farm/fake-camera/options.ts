/**
 * Options of a fake camera: what it sends, and its faults. Each switch is a fault of real cameras. Without a switch the
 * camera behaves correctly. Times are in milliseconds unless the name says otherwise.
 */

export interface CameraOptions {
  readonly video?: VideoOptions;
  readonly rtp?: RtpOptions;
  readonly time?: TimeOptions;
  readonly audio?: AudioOptions;
  readonly sdp?: SdpOptions;
  readonly rtsp?: RtspOptions;
  readonly session?: SessionOptions;
  readonly auth?: AuthOptions;
  readonly hostile?: HostileOptions;
  /** Default 127.0.0.1. */
  readonly host?: '127.0.0.1' | '::1';
  /** Paths of PEM files: the camera speaks rtsps. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

export interface VideoOptions {
  /** Name of a clip, see make_clips.py. Of several clips, session n plays the n-th, and later sessions play the last. */
  readonly clip?: string | readonly string[];
  /** Each session plays all clips in turn. */
  readonly alternate?: boolean;
  /** Pictures per second. Default: as in the clip. */
  readonly fps?: number;
  /** Time between PLAY's answer and the first picture. */
  readonly firstPictureAfterMs?: number;
  /** The first session sends nothing after this time. */
  readonly muteAfterMs?: number;
  /** Index of the first picture that is sent. */
  readonly startAt?: number;
  /** NAL unit types that are never sent. */
  readonly without?: readonly number[];
  /** Units with only SEI follow each picture, with the same timestamp and the marker (Tapo). */
  readonly trailingSei?: boolean;
  /** Parameter sets have the timestamp of the picture before, and the marker (Reolink). */
  readonly setsWithPreviousTime?: boolean;
  /** The whole keyframe is one NAL unit with Annex B start codes inside (V380). */
  readonly annexBInNal?: boolean;
  /** Number of SEI messages before each picture. */
  readonly seiPerPicture?: number;
  /** Sends an access unit delimiter before each picture. */
  readonly accessUnitDelimiters?: boolean;
  /** Sends parameter sets and SEI in one aggregation packet (STAP-A, AP). */
  readonly aggregate?: boolean;
  /** The marker is set on the last packet of every slice. */
  readonly markerEverySlice?: boolean;
  /** Sends an empty fragment after the first of each NAL unit, and small NAL units as one fragment (start and end). */
  readonly oddFragments?: boolean;
  /**
   * Where the size of a JPEG picture with a side of more than 2040 pixels is sent: nowhere ('wraps', the default: the RTP
   * header has it modulo 2048), in the RTP header extension of ONVIF, or in x-dimensions of the SDP.
   */
  readonly jpegSize?: 'wraps' | 'extension' | 'x-dimensions';
}

export interface RtpOptions {
  /** Indexes of lost video packets, from 0 over the whole session. Their sequence numbers are missing. */
  readonly lose?: readonly number[];
  /** Indexes of pictures whose middle packet is lost, from 0 over the whole session. */
  readonly damagePictures?: readonly number[];
  /** In each n-th picture the sequence number skips one, although nothing is missing. 1 = in each picture. */
  readonly sequenceGapEvery?: number;
  /** UDP: each n-th packet is sent after its successor. */
  readonly swapEvery?: number;
  /** After each picture, sends a packet with a payload type that the SDP does not name. */
  readonly unknownPayloadTypes?: boolean;
  /** Changes the SSRC after each n pictures. */
  readonly newSsrcEvery?: number;
  /** Maximum payload of a packet, bytes. Default 1400. */
  readonly payloadBytes?: number;
}

export interface TimeOptions {
  /** Timestamp of the first picture. Default 123456; 4294960000 wraps soon. */
  readonly start?: number;
  /** Pictures per second according to the timestamps; 0 = all timestamps are equal. Default: as sent. */
  readonly stampFps?: number;
  /** Each `outlierEvery`-th picture (default 50) has a timestamp that is wrong by this time, seconds. */
  readonly outlierS?: number;
  readonly outlierEvery?: number;
  /** All timestamps jump once by this time, seconds, `jumpAfterMs` (default 5000) after PLAY. */
  readonly jumpS?: number;
  readonly jumpAfterMs?: number;
  /** 'step': the camera's clock is in 1970 until `stepAfterMs` (default 5000) after PLAY. Default 'good'. */
  readonly senderReports?: 'good' | 'none' | 'step';
  readonly stepAfterMs?: number;
  readonly rtpInfo?: 'good' | 'none' | 'wrong';
}

export interface AudioOptions {
  readonly codec: 'aac' | 'latm' | 'pcmu' | 'pcma' | 'opus' | 'l16' | 'g726';
  /** The track is announced and set up, but sends no packet. */
  readonly silent?: boolean;
  /** Status of the answer to SETUP of the track. */
  readonly setupStatus?: number;
  /** Seconds of the timestamps per real second. */
  readonly speed?: number;
}

export interface SdpOptions {
  /** Parameter sets in the SDP. Default 'whole'. 'half': only the SPS. */
  readonly sprop?: 'whole' | 'none' | 'empty' | 'half';
  /** The SDP has the parameter sets of this clip instead of its own. */
  readonly spropOf?: string;
  /**
   * 'minimal': three lines without v=. 'broken': invalid text in each line that no client needs. 'two-formats': the video
   * line names two payload types, and one rtpmap belongs to neither.
   */
  readonly form?: 'whole' | 'minimal' | 'broken' | 'two-formats';
  readonly lineEnds?: 'crlf' | 'lf';
  readonly control?: 'relative' | 'absolute' | 'doubled' | 'missing' | 'no-scheme';
  /** 'nat': a private address. 'query': a base that ends in a query, to which controls are appended (Dahua). */
  readonly contentBase?: 'good' | 'none' | 'nat' | 'query';
  /** Announces a second video track with the same pictures, which is never sent. */
  readonly secondVideo?: boolean;
  /** An ONVIF metadata track. */
  readonly metadata?: boolean;
  /** A sendonly audio track whose SETUP is refused with 404. */
  readonly backChannel?: boolean;
  /** a=framerate. */
  readonly framerate?: number;
  /** Sends a=range:clock=…; the answer to PLAY has the UTC time of the first picture. */
  readonly clockRange?: boolean;
  /** Name of the video codec in the SDP. Default: that of the clip. */
  readonly codecName?: string;
  /** No video track. */
  readonly withoutVideo?: boolean;
  /** RTP/SAVP with a key. */
  readonly encrypted?: boolean;
}

export interface RtspOptions {
  /** Delay of each answer. */
  readonly answerDelayMs?: number;
  readonly lineEnds?: 'crlf' | 'lf';
  readonly cseq?: 'good' | 'missing' | 'wrong';
  /** Answers have an empty line after the first header, which does not end them, and a folded header. */
  readonly oddHeaders?: boolean;
  /** Methods that are refused, with the status. */
  readonly refuse?: Readonly<Record<string, number>>;
  /** Text after the status of refusals. */
  readonly refusalText?: string;
  /** Methods that the answers to OPTIONS and DESCRIBE list. */
  readonly public?: string;
  /** Sends data of an old session before the answer to PLAY. */
  readonly strayBeforePlay?: boolean;
  /** Sends bytes that are not an interleaved frame after each n-th picture. */
  readonly garbageEvery?: number;
  /** Sends an answer 400 without a request after each n-th picture. */
  readonly strayAnswerEvery?: number;
  /** First interleaved channel, whatever the client requested. */
  readonly channels?: number;
  /** Sends RTCP on the channel of RTP. */
  readonly rtcpOnRtpChannel?: boolean;
  /** `RTP/AVP;…;interleaved=` without /TCP. */
  readonly transportWithoutTcp?: boolean;
  readonly transports?: 'both' | 'tcp' | 'udp' | 'multicast';
  /** UDP: the SETUP answer names no server_port. */
  readonly withoutServerPort?: boolean;
  /** TCP can be set up, but nothing is sent over it. */
  readonly nothingOverTcp?: boolean;
  /** Redirects DESCRIBE: to a path of this camera that answers it, endlessly ('loop'), or to a URL. */
  readonly redirect?: string;
  /** The camera sends these requests in turn, `requestEveryMs` (default 1000) apart. */
  readonly requests?: readonly ('OPTIONS' | 'ANNOUNCE' | 'SET_PARAMETER' | 'REDIRECT')[];
  readonly requestEveryMs?: number;
  /** Answers RTCP receiver reports over TCP with 400 inside the stream. */
  readonly refusesReports?: boolean;
}

export interface SessionOptions {
  /** Maximum number of sessions; more are refused with 453. A connection that ends without TEARDOWN keeps its session. */
  readonly max?: number;
  /** Session timeout, seconds. A session that is not kept alive ends after it, with its connection. */
  readonly timeoutS?: number;
  /** Whether the answer to SETUP names the timeout. Default true. */
  readonly namesTimeout?: boolean;
  /** What keeps a session alive. Default 'any': each request, and RTCP. */
  readonly keptBy?: 'any' | 'GET_PARAMETER' | 'OPTIONS' | 'SET_PARAMETER' | 'rtcp';
  /** Answer to GET_PARAMETER: a status, or 'silent'. */
  readonly getParameter?: number | 'silent';
  /** The Session header changes with each answer. */
  readonly changingId?: boolean;
  /** Does not answer TEARDOWN. */
  readonly silentTeardown?: boolean;
}

export type AuthScheme = 'basic' | 'md5' | 'md5-sess' | 'sha256' | 'sha256-sess' | 'rfc2069';

export interface AuthOptions {
  /** One challenge for each, in this order. */
  readonly schemes: readonly AuthScheme[];
  readonly user?: string;
  readonly password?: string;
  /** Value of qop in the digest challenges, such as "auth" or "auth-int,auth". */
  readonly qop?: string;
  /** Sends all challenges in one header. */
  readonly oneHeader?: boolean;
  /** A nonce is valid for one request. */
  readonly nonceOnce?: boolean;
  /** Validity of a nonce, seconds. */
  readonly nonceS?: number;
  /** Answers an old nonce with stale=true. Default false. */
  readonly stale?: boolean;
}

export interface HostileOptions {
  /** Answers DESCRIBE with endless headers, an endless line, or an endless body. */
  readonly describe?: 'endless-headers' | 'endless-line' | 'endless-sdp' | 'huge-length';
  /** Sends after PLAY: an endless picture, an SPS of `pixels` × `pixels`, or a flood of messages or packets. */
  readonly stream?: 'endless-picture' | 'huge-sps' | 'flood-answers' | 'flood-requests' | 'flood-small-packets';
  /** Width and height in a huge SPS, a multiple of 16. Default 16384. */
  readonly pixels?: number;
}

/** Counters of a camera. */
export interface CameraCounts {
  readonly connections: number;
  readonly connectionsNow: number;
  /** PLAY requests answered with 200. */
  readonly plays: number;
  readonly sessionsNow: number;
  readonly teardowns: number;
  /** Connections that ended without TEARDOWN of their session. */
  readonly withoutTeardown: number;
  /** Sessions that ended because they were not kept alive. */
  readonly expired: number;
  readonly requests: Readonly<Record<string, number>>;
  /** Number of answers 401. */
  readonly unauthorized: number;
  /** Requests with wrong credentials. An old nonce does not count. */
  readonly wrongAnswers: number;
  /** Requests with an Authorization header. */
  readonly authorizations: number;
  /** Requests on a playing session, except TEARDOWN and PAUSE. */
  readonly keepalives: number;
  readonly receiverReports: number;
  /** SETUP requests answered with 200, by track: video, audio, second, metadata, back. */
  readonly setups: Readonly<Record<string, number>>;
  /** Refused requests, by status. */
  readonly refused: Readonly<Record<string, number>>;
  /** Answers of the client to requests of the camera. */
  readonly answers: number;
  /** Pictures sent, over all sessions. */
  readonly pictures: number;
  /** Time of the newest connection, microseconds since the epoch; 0 = none yet. */
  readonly openedUs: number;
  /** Times just before the last packet of each picture of the newest session was sent, microseconds since the epoch. */
  readonly picturesSentUs: readonly number[];
  /** Milliseconds from the newest connection to the answer to its PLAY; 0 = none yet. */
  readonly connectMs: number;
  /** Requests of the newest connection up to PLAY, inclusive. */
  readonly requestsToPlay: number;
  /** Receiver reports that arrived before the answer to PLAY. */
  readonly earlyReports: number;
  /** The last 100 requests. */
  readonly log: readonly { readonly method: string; readonly uri: string; readonly userAgent: string }[];
  /** Head of the newest request, unchanged. */
  readonly lastHead: string;
}
