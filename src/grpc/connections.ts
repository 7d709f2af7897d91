import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

/** Node publishes each accepted connection of the process on this channel. grpc-js gives no access to its sockets. */
const ACCEPTED = 'net.server.socket';

/** Calls `onAccepted` with each connection to this port, before anything is read from it. The returned function stops this. */
export function watchConnections(port: number, onAccepted: (socket: Socket) => void): () => void {
  const onMessage = (message: unknown): void => {
    const { socket } = message as { readonly socket: Socket };
    if (socket.localPort === port) onAccepted(socket);
  };
  subscribe(ACCEPTED, onMessage);
  return () => {
    unsubscribe(ACCEPTED, onMessage);
  };
}
