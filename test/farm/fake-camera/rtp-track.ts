/** One RTP stream: headers, sequence numbers, sender reports (RFC 3550). */
import { randomBytes, randomInt } from 'node:crypto';

const SECONDS_1900_TO_1970 = 2_208_988_800;

export interface PacketOptions {
  readonly timestamp: number;
  readonly marker: boolean;
  readonly payloadType?: number;
  readonly extension?: { readonly profile: number; readonly data: Buffer };
}

export class RtpTrack {
  ssrc = randomBytes(4).readUInt32BE();
  sequence = randomInt(60_000);
  #packets = 0;
  #octets = 0;
  #lastTimestamp = 0;

  constructor(
    readonly payloadType: number,
    readonly clockRate: number,
  ) {}

  /** Makes the next packet. It uses a sequence number even if it is not sent. */
  packet(payload: Buffer, { timestamp, marker, payloadType, extension }: PacketOptions): Buffer {
    const head = Buffer.alloc(12);
    head[0] = extension === undefined ? 0x80 : 0x90;
    head[1] = (marker ? 0x80 : 0) | (payloadType ?? this.payloadType);
    head.writeUInt16BE(this.sequence, 2);
    head.writeUInt32BE(modulo32(timestamp), 4);
    head.writeUInt32BE(this.ssrc, 8);
    this.sequence = (this.sequence + 1) % 65_536;
    this.#packets += 1;
    this.#octets += payload.length;
    this.#lastTimestamp = timestamp;
    if (extension === undefined) return Buffer.concat([head, payload]);
    const about = Buffer.alloc(4);
    about.writeUInt16BE(extension.profile, 0);
    about.writeUInt16BE(extension.data.length / 4, 2);
    return Buffer.concat([head, about, extension.data, payload]);
  }

  newSource(): void {
    this.ssrc = randomBytes(4).readUInt32BE();
    this.sequence = randomInt(60_000);
  }

  /** Sender report and SDES. The last timestamp belongs to this time, seconds since 1970. */
  report(seconds: number): Buffer {
    const ntp = seconds + SECONDS_1900_TO_1970;
    const report = Buffer.alloc(28);
    report.writeUInt32BE(0x80c80006, 0);
    report.writeUInt32BE(this.ssrc, 4);
    report.writeUInt32BE(Math.floor(ntp) % 2 ** 32, 8);
    report.writeUInt32BE(Math.floor((ntp % 1) * 2 ** 32), 12);
    report.writeUInt32BE(modulo32(this.#lastTimestamp), 16);
    report.writeUInt32BE(this.#packets, 20);
    report.writeUInt32BE(this.#octets % 2 ** 32, 24);
    const name = Buffer.from([0x81, 0xca, 0, 3, 0, 0, 0, 0, 1, 4, 0x66, 0x61, 0x6b, 0x65, 0, 0]);
    name.writeUInt32BE(this.ssrc, 4);
    return Buffer.concat([report, name]);
  }
}

export function modulo32(value: number): number {
  return ((Math.round(value) % 2 ** 32) + 2 ** 32) % 2 ** 32;
}
