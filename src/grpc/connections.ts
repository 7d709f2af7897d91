import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

/** Node publishes each connection that the process accepts on this channel. It is used because grpc-js hides its sockets. */
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
