/**
 * What a fake camera sends and how it misbehaves. Every switch is one fault that cameras in the field have; without any
 * switch the camera behaves well. Times are milliseconds unless the name says otherwise.
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
  /** A clip's name, see make_clips.py. Several: session n plays the n-th, and all later ones play the last one. */
  readonly clip?: string | readonly string[];
  /** Every session plays all clips in turn. */
  readonly alternate?: boolean;
  /** Pictures a second that are sent. Default: those of the clip. */
  readonly fps?: number;
  /** Time between PLAY's answer and the first picture. */
  readonly firstPictureAfterMs?: number;
  /** The first session sends nothing more after this time. */
  readonly muteAfterMs?: number;
  /** Index of the first picture that is sent. */
  readonly startAt?: number;
  /** NAL unit types that are never sent. */
  readonly without?: readonly number[];
  /** SEI-only units behind each picture, with the same timestamp and the marker (Tapo). */
  readonly trailingSei?: boolean;
  /** Parameter sets carry the timestamp of the picture before, and the marker (Reolink). */
  readonly setsWithPreviousTime?: boolean;
  /** The whole keyframe is one NAL unit with Annex B start codes inside (V380). */
  readonly annexBInNal?: boolean;
  /** SEI messages in front of each picture. */
  readonly seiPerPicture?: number;
  /** An access unit delimiter in front of each picture. */
  readonly accessUnitDelimiters?: boolean;
  /** Parameter sets and SEI in one aggregation packet (STAP-A, AP). */
  readonly aggregate?: boolean;
  /** The marker is set on the last packet of every slice. */
  readonly markerEverySlice?: boolean;
  /** An empty fragment behind the first fragment of each NAL unit, and small NAL units as one fragment (start and end). */
  readonly oddFragments?: boolean;
  /**
   * Where the camera sends the size of a JPEG picture with more than 2040 pixels: nowhere ('wraps', the default: the RTP header
   * has it modulo 2048), in the RTP header extension of ONVIF, or in the SDP's x-dimensions.
   */
  readonly jpegSize?: 'wraps' | 'extension' | 'x-dimensions';
}

export interface RtpOptions {
  /** Indexes of video packets (from 0, over the whole session) that are lost: their sequence numbers are missing. */
  readonly lose?: readonly number[];
  /** Pictures whose middle packet is lost, by index from 0 over the whole session. */
  readonly damagePictures?: readonly number[];
  /** The sequence number skips one within every n-th picture, although nothing is missing: 1 = in each. */
  readonly sequenceGapEvery?: number;
  /** UDP: every n-th packet comes behind its successor. */
  readonly swapEvery?: number;
  /** Packets of a payload type that the SDP does not name, behind each picture. */
  readonly unknownPayloadTypes?: boolean;
  /** Another SSRC after this many pictures, again and again. */
  readonly newSsrcEvery?: number;
  /** Bytes of the payload in one packet. Default 1400. */
  readonly payloadBytes?: number;
}

export interface TimeOptions {
  /** Timestamp of the first picture. Default 123456; 4294960000 wraps soon. */
  readonly start?: number;
  /** Pictures a second by the timestamps, 0 = all timestamps are equal. Default: as many as are sent. */
  readonly stampFps?: number;
  /** Every `outlierEvery`-th picture (default 50) has a timestamp that is wrong by this many seconds. */
  readonly outlierS?: number;
  readonly outlierEvery?: number;
  /** All timestamps move by this many seconds, once, `jumpAfterMs` (default 5000) after PLAY. */
  readonly jumpS?: number;
  readonly jumpAfterMs?: number;
  /** 'step': the camera's clock is in 1970 until `stepAfterMs` (default 5000) after PLAY. Default 'good'. */
  readonly senderReports?: 'good' | 'none' | 'step';
  readonly stepAfterMs?: number;
  readonly rtpInfo?: 'good' | 'none' | 'wrong';
}

export interface AudioOptions {
  readonly codec: 'aac' | 'latm' | 'pcmu' | 'pcma' | 'opus' | 'l16' | 'g726';
  /** The track is announced and set up, and no packet comes. */
  readonly silent?: boolean;
  /** Status of the answer to its SETUP. */
  readonly setupStatus?: number;
  /** Seconds by its timestamps for one real second. */
  readonly speed?: number;
}

export interface SdpOptions {
  /** Where the parameter sets are. Default 'whole'. 'half': SPS only. */
  readonly sprop?: 'whole' | 'none' | 'empty' | 'half';
  /** Parameter sets of this clip instead of those that are sent. */
  readonly spropOf?: string;
  /**
   * 'minimal': three lines without v=; 'broken': nonsense in every line that no client needs; 'two-formats': the video line
   * names two payload types, and an rtpmap belongs to none.
   */
  readonly form?: 'whole' | 'minimal' | 'broken' | 'two-formats';
  readonly lineEnds?: 'crlf' | 'lf';
  readonly control?: 'relative' | 'absolute' | 'doubled' | 'missing' | 'no-scheme';
  /** 'nat': an inner address; 'query': a base that ends in a query, to which controls are appended (Dahua). */
  readonly contentBase?: 'good' | 'none' | 'nat' | 'query';
  /** A second video track, which shows the clip's pictures too but is never sent. */
  readonly secondVideo?: boolean;
  /** An ONVIF metadata track. */
  readonly metadata?: boolean;
  /** A sendonly audio track whose SETUP is refused with 404. */
  readonly backChannel?: boolean;
  /** a=framerate. */
  readonly framerate?: number;
  /** a=range:clock=…, and PLAY's answer has the UTC time of its first picture. */
  readonly clockRange?: boolean;
  /** Name of the video codec instead of the clip's. */
  readonly codecName?: string;
  /** No video track. */
  readonly withoutVideo?: boolean;
  /** RTP/SAVP with a key. */
  readonly encrypted?: boolean;
}

export interface RtspOptions {
  /** Delay of every answer. */
  readonly answerDelayMs?: number;
  readonly lineEnds?: 'crlf' | 'lf';
  readonly cseq?: 'good' | 'missing' | 'wrong';
  /** An empty line behind the first header, which does not end the answer, and a folded header. */
  readonly oddHeaders?: boolean;
  /** Methods and the status that refuses them. */
  readonly refuse?: Readonly<Record<string, number>>;
  /** The text behind each refusing status. */
  readonly refusalText?: string;
  /** What OPTIONS and DESCRIBE list. */
  readonly public?: string;
  /** Data of a dead session come before PLAY's answer. */
  readonly strayBeforePlay?: boolean;
  /** Bytes that are no frame, behind every n-th picture. */
  readonly garbageEvery?: number;
  /** An answer 400 that nobody waits for, behind every n-th picture. */
  readonly strayAnswerEvery?: number;
  /** First interleaved channel, whatever the client requested. */
  readonly channels?: number;
  /** RTCP comes on the channel of RTP. */
  readonly rtcpOnRtpChannel?: boolean;
  /** `RTP/AVP;…;interleaved=` without /TCP. */
  readonly transportWithoutTcp?: boolean;
  readonly transports?: 'both' | 'tcp' | 'udp' | 'multicast';
  /** UDP: the SETUP answer names no server_port. */
  readonly withoutServerPort?: boolean;
  /** TCP is set up and nothing comes over it. */
  readonly nothingOverTcp?: boolean;
  /** DESCRIBE is redirected: to a path of this camera, where it is answered, for ever ('loop'), or to a URL. */
  readonly redirect?: string;
  /** The camera sends these requests in turn, `requestEveryMs` (default 1000) apart. */
  readonly requests?: readonly ('OPTIONS' | 'ANNOUNCE' | 'SET_PARAMETER' | 'REDIRECT')[];
  readonly requestEveryMs?: number;
  /** RTCP receiver reports over TCP are answered with 400 inside the stream. */
  readonly refusesReports?: boolean;
}

export interface SessionOptions {
  /** Sessions at a time; more are refused with 453. A connection that ends without TEARDOWN keeps its session. */
  readonly max?: number;
  /** Seconds. A session without a sign of life for this time ends, and its connection too. */
  readonly timeoutS?: number;
  /** Whether SETUP's answer names the timeout. Default true. */
  readonly namesTimeout?: boolean;
  /** What is a sign of life. Default 'any': every request, and RTCP. */
  readonly keptBy?: 'any' | 'GET_PARAMETER' | 'OPTIONS' | 'SET_PARAMETER' | 'rtcp';
  /** Answer to GET_PARAMETER: a status, or 'silent'. */
  readonly getParameter?: number | 'silent';
  /** The Session header names another session in every answer. */
  readonly changingId?: boolean;
  /** TEARDOWN is never answered. */
  readonly silentTeardown?: boolean;
}

export type AuthScheme = 'basic' | 'md5' | 'md5-sess' | 'sha256' | 'sha256-sess' | 'rfc2069';

export interface AuthOptions {
  /** Each is one challenge, in this order. */
  readonly schemes: readonly AuthScheme[];
  readonly user?: string;
  readonly password?: string;
  /** Value of qop in the digest challenges, such as "auth" or "auth-int,auth". */
  readonly qop?: string;
  /** All challenges stand in one header. */
  readonly oneHeader?: boolean;
  /** A nonce is good for one request. */
  readonly nonceOnce?: boolean;
  /** How long a nonce is valid, in seconds. */
  readonly nonceS?: number;
  /** An old nonce is answered with stale=true. Default false. */
  readonly stale?: boolean;
}

export interface HostileOptions {
  /** DESCRIBE is answered with header lines, or a body, without end. */
  readonly describe?: 'endless-headers' | 'endless-line' | 'endless-sdp' | 'huge-length';
  /** After PLAY: a picture without end, an SPS of `pixels` × `pixels`, more messages or packets than any stream needs. */
  readonly stream?: 'endless-picture' | 'huge-sps' | 'flood-answers' | 'flood-requests' | 'flood-small-packets';
  /** Width and height in a huge SPS, a multiple of 16. Default 16384. */
  readonly pixels?: number;
}

/** What the camera saw. */
export interface CameraCounts {
  readonly connections: number;
  readonly connectionsNow: number;
  /** PLAYs that were answered with 200. */
  readonly plays: number;
  readonly sessionsNow: number;
  readonly teardowns: number;
  /** Connections that ended while their session went on. */
  readonly withoutTeardown: number;
  /** Sessions that ended for lack of a sign of life. */
  readonly expired: number;
  readonly requests: Readonly<Record<string, number>>;
  /** Answers 401. */
  readonly unauthorized: number;
  /** Requests whose credentials were wrong; an old nonce alone is not wrong. */
  readonly wrongAnswers: number;
  /** Requests with an Authorization header. */
  readonly authorizations: number;
  /** Requests on a playing session, except TEARDOWN and PAUSE. */
  readonly keepalives: number;
  readonly receiverReports: number;
  /** SETUPs that were answered with 200, by track: video, audio, second, metadata, back. */
  readonly setups: Readonly<Record<string, number>>;
  /** Refused requests, by status. */
  readonly refused: Readonly<Record<string, number>>;
  /** Answers of the client to requests of the camera. */
  readonly answers: number;
  /** Pictures sent, over all sessions. */
  readonly pictures: number;
  /** When the newest connection came, microseconds since the epoch; 0 = none yet. */
  readonly openedUs: number;
  /** When the last packet of each picture of the newest session was about to be sent, microseconds since the epoch. */
  readonly picturesSentUs: readonly number[];
  /** Monotonic ms from the newest connection to its PLAY's answer; 0 = none yet. */
  readonly connectMs: number;
  /** Requests of the newest connection until its PLAY, this one included. */
  readonly requestsToPlay: number;
  /** Receiver reports that came before PLAY's answer. */
  readonly earlyReports: number;
  /** The last 100 requests. */
  readonly log: readonly { readonly method: string; readonly uri: string; readonly userAgent: string }[];
  /** Headers of the newest request, as they came. */
  readonly lastHead: string;
}
