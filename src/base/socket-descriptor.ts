/** The file descriptor of a connected socket, from a field that Node does not document. -1 when there is no such field. */
export function descriptorOf(socket: object | null): number {
  const handle: unknown = socket !== null && '_handle' in socket ? socket._handle : undefined;
  const descriptor: unknown = typeof handle === 'object' && handle !== null && 'fd' in handle ? handle.fd : undefined;
  return typeof descriptor === 'number' ? descriptor : -1;
}
