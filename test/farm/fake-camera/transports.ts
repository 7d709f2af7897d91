/** Where the packets of a track are sent: RTSP connection, UDP ports, or multicast group. */
import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { MULTICAST_GROUP } from './sdp.js';
import type { TrackSink } from './sessions.js';
import type { RtspOptions } from './options.js';

const FIRST_PORT = 40_000;
const LAST_PORT = 58_000;

export interface Chosen {
  readonly sink: TrackSink;
  /** Value of the Transport header. */
  readonly header: string;
  /** Interleaved channel of RTP; undefined when not over TCP. */
  readonly channel: number | undefined;
}

interface Wish {
  readonly transport: string;
  readonly clientAddress: string;
  readonly rtsp: RtspOptions;
  readonly interleave: (channel: number, packet: Buffer) => void;
  readonly onRtcp: (packet: Buffer) => void;
}

/** Returns undefined when the camera must answer 461. */
export async function chooseTransport(wish: Wish): Promise<Chosen | undefined> {
  const { transport, rtsp } = wish;
  const kind = rtsp.transports ?? 'both';
  const multicast = /multicast/i.test(transport);
  if (multicast !== (kind === 'multicast')) return undefined;
  if (multicast) return await multicastSink(wish);
  const interleaved = /interleaved=(\d+)/i.exec(transport);
  if (interleaved !== null) return kind === 'udp' ? undefined : interleavedSink(wish, Number(interleaved[1]));
  const ports = /client_port=(\d+)(?:-(\d+))?/i.exec(transport);
  if (ports === null || kind === 'tcp') return undefined;
  return await udpSink(wish, Number(ports[1]), Number(ports[2] ?? Number(ports[1]) + 1));
}

function interleavedSink({ rtsp, interleave }: Wish, wanted: number): Chosen {
  const channel = rtsp.channels ?? wanted;
  const rtcpChannel = rtsp.rtcpOnRtpChannel ? channel : channel + 1;
  const protocol = rtsp.transportWithoutTcp ? 'RTP/AVP' : 'RTP/AVP/TCP';
  return {
    sink: {
      send: (packet, rtcp) => {
        if (!rtsp.nothingOverTcp) interleave(rtcp ? rtcpChannel : channel, packet);
      },
      close: () => undefined,
    },
    header: `${protocol};unicast;interleaved=${channel}-${channel + 1}`,
    channel,
  };
}

async function udpSink({ rtsp, clientAddress, onRtcp }: Wish, rtp: number, rtcp: number): Promise<Chosen> {
  const family = clientAddress.includes(':') && !clientAddress.startsWith('::ffff:') ? 'udp6' : 'udp4';
  const [own, rtpSocket, rtcpSocket] = await portPair(family);
  rtcpSocket.on('message', onRtcp);
  const server = rtsp.withoutServerPort ? '' : `;server_port=${own}-${own + 1}`;
  const address = clientAddress.replace('::ffff:', '');
  return {
    sink: sinkOf(rtpSocket, rtcpSocket, rtp, rtcp, address),
    header: `RTP/AVP;unicast;client_port=${rtp}-${rtcp}${server}`,
    channel: undefined,
  };
}

async function multicastSink({ onRtcp }: Wish): Promise<Chosen> {
  const [port, rtpSocket, rtcpSocket] = await portPair('udp4');
  rtcpSocket.on('message', onRtcp);
  for (const socket of [rtpSocket, rtcpSocket]) {
    socket.setMulticastInterface('127.0.0.1');
    socket.setMulticastLoopback(true);
  }
  return {
    sink: sinkOf(rtpSocket, rtcpSocket, port + 2, port + 3, MULTICAST_GROUP),
    header: `RTP/AVP;multicast;destination=${MULTICAST_GROUP};port=${port + 2}-${port + 3};ttl=1`,
    channel: undefined,
  };
}

function sinkOf(rtp: DatagramSocket, rtcp: DatagramSocket, port: number, rtcpPort: number, to: string): TrackSink {
  let open = true;
  return {
    send: (packet, isRtcp) => {
      if (open) (isRtcp ? rtcp : rtp).send(packet, isRtcp ? rtcpPort : port, to, () => undefined);
    },
    close: () => {
      open = false;
      rtp.close();
      rtcp.close();
    },
  };
}

/** An even port and the next one. */
async function portPair(family: 'udp4' | 'udp6'): Promise<[number, DatagramSocket, DatagramSocket]> {
  for (;;) {
    const port = FIRST_PORT + 2 * Math.floor((Math.random() * (LAST_PORT - FIRST_PORT)) / 2);
    const sockets: DatagramSocket[] = [];
    try {
      for (const one of [port, port + 1]) sockets.push(await bound(family, one));
      const [rtp, rtcp] = sockets;
      if (rtp !== undefined && rtcp !== undefined) return [port, rtp, rtcp];
    } catch {
      for (const socket of sockets) socket.close();
    }
  }
}

function bound(family: 'udp4' | 'udp6', port: number): Promise<DatagramSocket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(family);
    socket.once('error', reject);
    socket.bind(port, family === 'udp6' ? '::1' : '127.0.0.1', () => {
      socket.off('error', reject).on('error', () => undefined);
      resolve(socket);
    });
  });
}
