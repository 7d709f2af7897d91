import { isIP } from 'node:net';
import { KNOWN_SCHEMES, type Config, type SourceScheme } from './schema.js';

/** Whether only local programs can reach this address. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase();
  return name === 'localhost' || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'));
}

/**
 * Schemes that a camera URL may have. Without `sources.schemes`, `file` is allowed only while the proxy listens on a
 * loopback address, because a remote client must not read local files.
 */
export function allowedSchemes(config: Config): readonly SourceScheme[] {
  return (
    config.sources.schemes ??
    (isLoopback(config.host) ? KNOWN_SCHEMES : KNOWN_SCHEMES.filter((scheme) => scheme !== 'file'))
  );
}

/** Risks of a valid configuration, as messages for the operator. */
export function warnings(config: Config): string[] {
  const found: string[] = [];
  const { client_ca: clientCa, require_client_cert: required } = config.tls;
  const open = [
    ...(required === true || required === 'rest' ? [] : [`port ${config.port}`]),
    ...(required === true || required === 'grpc' ? [] : [`grpc_port ${config.grpc_port}`]),
  ];
  if (!isLoopback(config.host) && open.length > 0) {
    found.push(
      `host is ${config.host}, and everyone who can reach ${open.join(' and ')} sees and changes every camera. Use a ` +
        'firewall, set tls.require_client_cert, or set host to 127.0.0.1.',
    );
  }
  if (config.annotation.send_evidence && config.redis.connection !== '') {
    found.push(
      'annotation.send_evidence is true and redis.connection is set: this proxy sends evidence only while it is the sender ' +
        'of the shared queue. Otherwise evidence stays here, and can be read by the id of its annotation.',
    );
  }
  if (clientCa !== '' && required === false) {
    found.push(
      'tls.client_ca has no effect while tls.require_client_cert is false: clients are not asked for a certificate.',
    );
  }
  if (config.redis.connection === '' && config.redis.publish_frames !== 'off') {
    found.push(
      `redis.publish_frames is ${config.redis.publish_frames}, and nothing is published because redis.connection is empty. ` +
        'Set it to "host:port", or set publish_frames to off.',
    );
  }
  return found;
}
