/** What the native addon (native/) offers to TypeScript. The addon asserts; `src/native/addon.ts` checks what it is given. */

export type Transport = 'auto' | 'tcp' | 'udp';
/** How the certificate of an rtsps camera is checked. */
export type TlsVerify = 'verify' | 'pin' | 'none';

/**
 * What was learnt about a camera from its connections. Kept in the registry, shown in the camera's state, and cleared when its
 * URL changes. Empty texts and zeros: nothing was learnt.
 */
export interface LearnedFacts {
  /** 'udp' after the camera refused TCP, or 'multicast'. */
  readonly transport: '' | 'tcp' | 'udp' | 'multicast';
  /** The method that keeps the session alive. */
  readonly keepalive: '' | 'GET_PARAMETER' | 'OPTIONS' | 'SET_PARAMETER';
  /** The authentication scheme that worked, such as 'Digest SHA-256'. */
  readonly authentication: string;
  /** The camera answers RTCP receiver reports with errors, so none are sent. */
  readonly withoutReceiverReports: boolean;
  /** The camera sets the RTP marker on every slice. */
  readonly marksEverySlice: boolean;
  /** The camera's RTP sequence numbers have gaps although nothing is missing. */
  readonly sequenceUnreliable: boolean;
  /** Pixels; of JPEG pictures too large for their RTP header. */
  readonly jpegWidth: number;
  readonly jpegHeight: number;
  /** The longest usual distance between two pictures, milliseconds. */
  readonly usualGapMs: number;
  /** SHA-256 fingerprint of the pinned certificate, 64 hex digits. */
  readonly certificate: string;
  /** Id and control URL (without credentials) of the newest session, to end it when the proxy was killed. */
  readonly session: string;
  readonly sessionUrl: string;
  /** Sessions in a row in which no RTP packet came over TCP. */
  readonly silentTcpSessions: number;
  /** How long the last session lasted that the camera ended, milliseconds. */
  readonly endedAfterMs: number;
}

/** Why a capture ended or could not begin. Each is one row of docs/reference/errors.md. */
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
  'protocol_error', // the camera answered something that is not RTSP
  'credentials_needed', // the camera wants a user name and password, and the URL has none (401)
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
  'no_data', // the session is open, and no RTP packet ever came
  'too_many_redirects', // more than three redirects
  'message_too_large', // a header, an SDP or a body exceeds its limit
  'picture_too_large', // a compressed picture exceeds its limit
  'too_many_pixels', // the declared size exceeds max_pixels
  'flood', // the camera sends more messages or packets than any stream needs
  'file_not_found', // there is no such file
  'file_unreadable', // the file is empty, cut off, or no video file
  'file_changed', // the file was deleted, replaced or cut off while it was played
  'replay_ended', // everything of the recorded range was played
  'io_error', // anything else, with libav's own text
] as const;
export type CaptureEnd = (typeof CAPTURE_ENDS)[number];

/** A recorded range that is played as if a camera sent it. */
export interface ReplayOptions {
  /** Oldest first; their looks do not matter. */
  readonly segments: readonly HistorySegment[];
  /** Arrivals when it was recorded, microseconds since the epoch, inclusive; it begins at the keyframe before `fromUs`. */
  readonly fromUs: number;
  readonly toUs: number;
  /** 1 = as it was. */
  readonly speed: number;
  readonly loop: boolean;
}

export interface CaptureOptions {
  /** What is played; only of the kind 'replay'. */
  readonly replay?: ReplayOptions;
  /** An rtsp or rtsps URL with its credentials, or the absolute path of a file. Already checked: see src/cameras/source/source-url.ts. */
  readonly url: string;
  readonly kind: 'rtsp' | 'file' | 'replay';
  readonly transport: Transport;
  readonly tlsVerify: TlsVerify;
  /** What the host of an rtsp URL resolved to, or the address itself; at least one. Empty for other kinds. */
  readonly addresses: readonly string[];
  /** What earlier connections learnt; undefined: nothing yet. */
  readonly learned: LearnedFacts | undefined;
  /** From openWake; main calls wake() on it after it raised the stop flag. -1: none. */
  readonly wakeFd: number;
  /** Pictures with more pixels (width times height) are refused with too_many_pixels before memory is taken for them. */
  readonly maxPixels: number;
  /** Maximum time for TEARDOWN when the stop flag is 1, milliseconds; 300 ms at most when it is 2 (shutdown). */
  readonly teardownMs: number;
  readonly openTimeoutMs: number;
  /** Least time without a video packet that counts as a stall; the loop takes 3 x the usual gap when that is longer. */
  readonly stallTimeoutMs: number;
  readonly decoderThreads: number;
  /** Written into every VideoFrame as device_id. */
  readonly deviceId: string;
  /** CONTROL.bytes over a SharedArrayBuffer. */
  readonly control: Uint8Array;
  /** Over a SharedArrayBuffer; the payload region is what the header and the entries leave. */
  readonly packetRing: Uint8Array;
  /** Another such ring, for the sound beside the video; undefined: it is not asked for. */
  readonly audioRing?: Uint8Array;
  readonly frameSlots: number;
  /** A VideoFrame longer than this is not published; OUTPUT.tooLargeI32 tells its callers. */
  readonly maxMessageBytes: number;
  /** 'trace' libav messages are never asked for; 'debug' only in debug mode. */
  readonly logLevel: 'warn' | 'info' | 'debug';
}

/** The sound beside a stream's video. */
export interface AudioInfo {
  readonly codecName: string;
  readonly extradata: Uint8Array;
  /** Hertz. */
  readonly sampleRate: number;
  readonly channels: number;
}

export interface StreamInfo {
  /** PACKET_ENTRY.connection of its packets. */
  readonly connection: number;
  readonly codecName: string;
  readonly codecLongName: string;
  readonly profile: string;
  /** Pixels; 0 while the stream has not told (no parameter sets seen yet). */
  readonly width: number;
  readonly height: number;
  /** libav's name, '' while not known. */
  readonly pixelFormat: string;
  readonly extradata: Uint8Array;
  readonly timeBaseNum: number;
  readonly timeBaseDen: number;
  /** What the stream declares, 0 when it does not. The measured rate is CONTROL.fpsMilli. */
  readonly declaredFps: number;
  /** Of what comes in CaptureOptions.audioRing. */
  readonly audio?: AudioInfo;
}

export interface CaptureHooks {
  /** The first packet came, or the stream's parameters changed in mid-stream. */
  onStream(info: StreamInfo): void;
  /** An output needs a new generation of slots; returns a view over a SharedArrayBuffer of that many bytes. */
  allocateFrameRing(output: number, bytes: number): Uint8Array;
  /** A frame was published while CONTROL.frameWaiters > 0. */
  onFrame(): void;
  /** A packet was stored while CONTROL.packetWaiters > 0. */
  onPacket(): void;
  /** Something new was learnt about the camera. `learned`: all that is known. */
  onLearned(learned: LearnedFacts): void;
  /** A line of libav's log; may contain credentials, so mask it. */
  onLog(level: 'error' | 'warn' | 'info' | 'debug', text: string): void;
}

export interface CaptureResult {
  readonly end: CaptureEnd;
  /** What happened, with which value, beyond what `end` says; may be empty. May contain credentials, so mask it. */
  readonly message: string;
  /** libav's error number and text; 0 and '' when libav was not the cause. */
  readonly avError: number;
  readonly avText: string;
}

/** The fields of a Look. */
interface PictureLook {
  readonly format: number;
  readonly width: number;
  readonly height: number;
  readonly quality: number;
  readonly enlarge: boolean;
}

/** Of which streams a job reads packets. */
interface PastSource {
  /** Undefined: nothing is in memory. */
  readonly packetRing: Uint8Array | undefined;
  /** Four bytes over a SharedArrayBuffer; anything but 0 there ends it between two packets. */
  readonly cancel: Uint8Array;
}

export interface HistoryOptions extends PastSource {
  /** What is read from disk, oldest first, before what memory has beyond it. */
  readonly segments: readonly HistorySegment[];
  /** There are more segments than these, or will be: the job may ask for them. */
  readonly moreSegments: boolean;
  /** What the packets in memory of each connection are. Frames of others are lost. */
  readonly streams: readonly (Pick<StreamInfo, 'connection' | 'codecName' | 'extradata'> & {
    readonly look: PictureLook;
  })[];
  readonly deviceId: string;
  /** Arrival of a frame's packet, microseconds since the epoch, both inclusive. */
  readonly fromUs: number;
  readonly toUs: number;
  /** Only the frame nearest to this moment, whatever the range; -1 = the range. */
  readonly nearestUs: number;
  readonly keyframesOnly: boolean;
  readonly intervalMs: number;
  readonly withholdCorrupt: boolean;
  readonly maxMessageBytes: number;
  /** The job fails at a picture with more pixels (width times height), before memory is taken for it. */
  readonly maxPixels: number;
}

/** One file of the past; it must have been written by writeSegment. */
export interface HistorySegment {
  readonly path: string;
  readonly firstSequence: number;
  readonly endSequence: number;
  readonly look: PictureLook;
}

export interface ClipOptions extends PastSource {
  /** Of segments, oldest first. */
  readonly paths: readonly string[];
  /** What the packets in memory of each connection are. */
  readonly streams: readonly Pick<
    StreamInfo,
    'connection' | 'codecName' | 'extradata' | 'width' | 'height' | 'audio'
  >[];
  readonly audioRing?: Uint8Array | undefined;
  /** Arrivals of the first and the last frame that a player shows, microseconds since the epoch, both inclusive. */
  readonly fromUs: number;
  readonly toUs: number;
}

/** Something made of the past for one reader: a decoder of frames, or a clip. Of one thread. */
export type HistoryHandle = object & { readonly __past: never };

export interface HistoryAnswer {
  /** > 0: the target must have so many bytes, and nothing was written. */
  readonly needed: number;
  /** Not undefined: addSegments has to be called, with those that have packets from this sequence on. */
  readonly wanted?: number;
  /** Where the piece (a message, or bytes of a clip) lies in the target. */
  readonly offset: number;
  readonly bytes: number;
  /** Of a frame's packet, microseconds since the epoch. */
  readonly arrivalUs: number;
}

/** Of the packets that a decoder can make frames of: from the oldest keyframe on. */
export interface PacketSums {
  readonly frames: number;
  readonly keyframes: number;
  /** Of their payload. */
  readonly bytes: number;
  /** Arrival of the oldest and of the newest, microseconds since the epoch; 0 = there is none. */
  readonly oldestUs: number;
  readonly newestUs: number;
  /** Those of the newest connection, and the time from the earliest to the latest of them by their timestamps. */
  readonly newestFrames: number;
  readonly newestSeconds: number;
}

/** What a segment file holds, as the recorder found it when it wrote or read the file. Times are the proxy's clock. */
export interface SegmentFacts {
  /** Arrival of the first packet and the latest arrival of all, microseconds since the epoch. */
  readonly startUs: number;
  readonly lastUs: number;
  /** True length from the packets' own timestamps, the last frame's included. */
  readonly durationUs: number;
  /** Size of the file. */
  readonly bytes: number;
  readonly frames: number;
  /** Sequences of its packets in the camera's packet ring; its frame ids are the same numbers. End is exclusive. */
  readonly firstSequence: number;
  readonly endSequence: number;
  /** PACKET_ENTRY.connection. */
  readonly connection: number;
  readonly codecName: string;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** Arrivals of its keyframes, microseconds since the epoch. */
  readonly keyframesUs: readonly number[];
  readonly audio: boolean;
}

/** The packets of a segment file, by sequence. */
export interface SegmentFrames {
  readonly firstSequence: number;
  /** Places in the order in which they are shown, as NativeAddon.frameIds. */
  readonly frameIds: Float64Array;
  /** Microseconds since the epoch. */
  readonly arrivalsUs: Float64Array;
  /** Ticks of the camera. */
  readonly pts: Float64Array;
  /** Of each packet. */
  readonly bytes: Int32Array;
  /** 1 = it is a keyframe. */
  readonly keyframes: Uint8Array;
}

export interface SegmentOptions {
  readonly packetRing: Uint8Array;
  /** Whole groups of one connection: a keyframe, and one past the last packet. */
  readonly firstSequence: number;
  readonly endSequence: number;
  readonly stream: Pick<StreamInfo, 'codecName' | 'extradata' | 'width' | 'height' | 'audio'>;
  /** Of CaptureOptions; the sound of the packets' time goes with them. */
  readonly audioRing?: Uint8Array | undefined;
  /** Of the new file, which must not exist yet. Its folder must. */
  readonly path: string;
}

export interface RelayOptions {
  /** rtmp or rtmps, with its credentials. */
  readonly url: string;
  readonly packetRing: Uint8Array;
  /** Of CaptureOptions; the sound goes with the pictures. */
  readonly audioRing?: Uint8Array | undefined;
  /** What the packets of the first one's connection are; H.264. */
  readonly stream: Pick<StreamInfo, 'codecName' | 'extradata' | 'width' | 'height' | 'audio'>;
  /** A keyframe. */
  readonly firstSequence: number;
  /** Four bytes over a SharedArrayBuffer; anything but 0 there ends every wait for the server within 100 ms. */
  readonly cancel: Uint8Array;
  readonly openTimeoutMs: number;
  /** Longest time that the server may take nothing. */
  readonly stallTimeoutMs: number;
  /** Packets that came longer ago are passed over when there is a newer keyframe. */
  readonly maxLagMs: number;
}

/** What one call of relayPackets did. */
export interface RelayStep {
  /**
   * idle: it sent all that there is. more: there is more. other_connection: the next packet is of another connection of the
   * camera. other_parameters: the next packet, a keyframe, needs another header, which only a new relay sends.
   */
  readonly end: 'idle' | 'more' | 'other_connection' | 'other_parameters';
  readonly nextSequence: number;
  /** Of video, which the connection took. */
  readonly packets: number;
  /** Of all packets. */
  readonly bytes: number;
  /** Packets of video that were passed over because the server was too slow. */
  readonly lost: number;
}

/** A connection to an RTMP server. Of one thread. */
export type RelayHandle = object & { readonly __relay: never };

export interface NativeAddon {
  readonly layoutVersion: number;
  /** libav's versions, e.g. { avcodec: '59.37.100' }. */
  readonly libraries: Readonly<Record<string, string>>;
  /** Blocks the calling thread until the capture ends. Never call it on the main thread. Throws TypeError only for options of a wrong form. */
  capture(options: CaptureOptions, hooks: CaptureHooks): CaptureResult;
  /**
   * Lays out the header of an empty packet ring over `ring`, with a power of two of entries. At least `minPackets` are
   * kept, as far as entries and memory allow it; the first packet will be `firstSequence`.
   */
  initPacketRing(ring: Uint8Array, entryCount: number, minPackets: number, firstSequence: number): void;
  /**
   * Copies `bytes` bytes from `sourceOffset` of a ring into `target`, provided that the slot at `slotOffset` still
   * carries `lock` before and after the copy. False: the slot was overwritten, and `target` holds rubbish there.
   */
  copyFromSlot(
    ring: Uint8Array,
    slotOffset: number,
    lock: number,
    sourceOffset: number,
    bytes: number,
    target: Uint8Array,
    targetOffset: number,
  ): boolean;
  /**
   * Frees the memory behind `buffer` now instead of at a garbage collection; the buffer is empty afterwards. Nobody may
   * read it any more. False, and nothing is done, when it is a view of a part of its memory.
   */
  releaseBuffer(buffer: Uint8Array): boolean;
  /** The packets that the ring has now are all that it ever looks at. */
  openHistory(options: HistoryOptions): HistoryHandle;
  /** One mp4 file of what lies on disk and beyond that in memory; its pieces come in order. */
  openClip(options: ClipOptions): HistoryHandle;
  /**
   * Makes the next piece, of a history a finished VideoFrame, somewhere in `target`. Undefined: there is none, or it was
   * cancelled. Throws RangeError when no client would take so large a message.
   */
  nextOfPast(handle: HistoryHandle, target: Uint8Array): HistoryAnswer | undefined;
  /** What a history wanted; `more` as HistoryOptions.moreSegments. */
  addSegments(handle: HistoryHandle, segments: readonly HistorySegment[], more: boolean): void;
  /**
   * Writes packets of a ring into an mp4 file, which is synced to the disk when this returns; its timestamps begin at 0.
   * Undefined: the ring's writer has overtaken it, and there is no file. Throws an Error whose `code` is that of the
   * system ('ENOSPC', 'EROFS', 'ENOENT', …) when the disk does not take it; no file is left then. Blocks: recorder worker.
   */
  writeSegment(options: SegmentOptions): SegmentFacts | undefined;
  /** What a file holds; undefined: it is no whole segment of ours. Throws an Error with `code` when it cannot be read. Blocks. */
  readSegment(path: string): SegmentFacts | undefined;
  /**
   * What a file knows of its packets, which takes one short read at its end, on a thread of libuv's. Undefined: it is no whole
   * segment of ours. Rejects with an Error with `code` when it cannot be read.
   */
  segmentFrames(path: string): Promise<SegmentFrames | undefined>;
  /**
   * Connects to an RTMP server that takes a stream. Throws an Error with a sentence that may contain credentials, whose
   * `code` is ECANCELED when it was cancelled. Blocks: relay worker.
   */
  openRelay(options: RelayOptions): RelayHandle;
  /** Sends packets of that connection of the camera, some at most. Throws as openRelay does. Blocks: relay worker. */
  relayPackets(handle: RelayHandle, connection: number): RelayStep;
  /** Says goodbye, which takes a frozen server 300 ms, and frees what it has. */
  closeRelay(handle: RelayHandle): void;
  /** Frees what it has at once. */
  closePast(handle: HistoryHandle): void;
  /** The proxy's clock, that of arrivals: follows the wall clock, but never runs backwards. Microseconds since the epoch. */
  wallUs(): number;
  /** From now on the clock is later than `us`, unless that is more than a day ahead. */
  keepWallAfter(us: number): void;
  /** An eventfd that wakes a capture; close it with closeWake when no capture uses it any more. Throws an Error with `code`. */
  openWake(): number;
  /** Wakes a waiting capture: within 1 ms it checks its stop flag and the demand of callers. */
  wake(fd: number): void;
  closeWake(fd: number): void;
  /**
   * Collects all garbage of the calling thread's heap and gives its memory back: some 30 ms. For a thread that goes on in
   * native code, where V8 finds no time for it.
   */
  compactHeap(): void;
  /** Ends the process at once; process.exit waits for every thread, also for one that the disk does not let go of. */
  endProcess(code: number): never;
  /**
   * As `target.set(source, targetOffset)`, which takes fifteen times as long when one of them lies in shared memory.
   * Nobody may write to `source` meanwhile.
   */
  copyBytes(source: Uint8Array, target: Uint8Array, targetOffset: number): void;
  /** What a packet ring holds in all; a hundred thousand packets take a millisecond or two. */
  packetSums(ring: Uint8Array): PacketSums;
  /** The frame ids of `count` packets from `first` on; 0 where the ring has no such packet, or its id is not certain yet. */
  frameIds(ring: Uint8Array, first: number, count: number): Float64Array;
  /**
   * Lets the kernel take no more than about `bytes` of a TCP socket beyond what is under way to the other side: the rest
   * stays with the writer, who learns so that the reader is slow. False: the descriptor is no TCP socket.
   */
  limitUnsent(descriptor: number, bytes: number): boolean;
}
