import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

/** Node's own announcement of each connection that any server of the process accepts: grpc-js shows its sockets to nobody. */
const ACCEPTED = 'net.server.socket';

/** Calls `onAccepted` with each connection to this port, before anything is read from it; the returned function ends that. */
export function watchConnections(port: number, onAccepted: (socket: Socket) => void): () => void {
  const look = (message: unknown): void => {
    const { socket } = message as { readonly socket: Socket };
    if (socket.localPort === port) onAccepted(socket);
  };
  subscribe(ACCEPTED, look);
  return () => {
    unsubscribe(ACCEPTED, look);
  };
}
