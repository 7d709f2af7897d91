/** Streams that try to exhaust the client. */
import type { HostileOptions } from './options.js';
import { RtpTrack } from './rtp-track.js';
import { VIDEO_PAYLOAD_TYPE } from './sdp.js';

const EVERY_MS = 10;
const BATCH = 300;
/** Pauses while the socket holds more bytes than this, because the client is slower than the flood. */
const MAX_PENDING_BYTES = 4 << 20;

export type Flood = Exclude<NonNullable<HostileOptions['stream']>, 'huge-sps'>;

interface Sink {
  readonly pendingBytes: () => number;
  readonly send: (packet: Buffer) => void;
  readonly raw: (text: string) => void;
}

/** Returns a function that ends the flood. */
export function startFlood(kind: Flood, sink: Sink): () => void {
  const track = new RtpTrack(VIDEO_PAYLOAD_TYPE, 90_000);
  let begun = false;
  const one = (): void => {
    switch (kind) {
      case 'endless-picture': {
        const fragment = Buffer.alloc(1400, 0x55);
        fragment[0] = 0x7c;
        fragment[1] = begun ? 0x05 : 0x85;
        sink.send(track.packet(fragment, { timestamp: 1000, marker: false }));
        break;
      }
      case 'flood-answers':
        sink.raw('RTSP/1.0 200 OK\r\nCSeq: 9999\r\n\r\n');
        break;
      case 'flood-requests':
        sink.raw('OPTIONS * RTSP/1.0\r\nCSeq: 7\r\n\r\n');
        break;
      case 'flood-small-packets':
        sink.send(track.packet(Buffer.from([0x06]), { timestamp: 1000, marker: false, payloadType: 111 }));
        break;
    }
    begun = true;
  };
  const timer = setInterval(() => {
    for (let count = 0; count < BATCH && sink.pendingBytes() < MAX_PENDING_BYTES; count += 1) one();
  }, EVERY_MS);
  return () => {
    clearInterval(timer);
  };
}
