/** The descriptor of a connected socket. Node does not tell it, but has it; -1 when that should change one day. */
export function descriptorOf(socket: object | null): number {
  const handle: unknown = socket !== null && '_handle' in socket ? socket._handle : undefined;
  const descriptor: unknown = typeof handle === 'object' && handle !== null && 'fd' in handle ? handle.fd : undefined;
  return typeof descriptor === 'number' ? descriptor : -1;
}
