import { isIP } from 'node:net';
import { KNOWN_SCHEMES, type Config, type SourceScheme } from './schema.js';

/** True when only programs of this machine can reach that address. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase();
  return name === 'localhost' || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'));
}

/**
 * Schemes that a camera URL may have. Without `sources.schemes` files can be opened only while nobody outside this
 * machine can ask for one.
 */
export function allowedSchemes(config: Config): readonly SourceScheme[] {
  return (
    config.sources.schemes ??
    (isLoopback(config.host) ? KNOWN_SCHEMES : KNOWN_SCHEMES.filter((scheme) => scheme !== 'file'))
  );
}

/** What the operator should know about a configuration that is valid, one sentence each. */
export function warnings(config: Config): string[] {
  const found: string[] = [];
  if (!isLoopback(config.host)) {
    found.push(
      `host is ${config.host} and there is no authentication in this version: whoever can reach ports ${config.port} ` +
        `and ${config.grpc_port} sees and changes every camera. Keep them behind a firewall, or set host to 127.0.0.1.`,
    );
  }
  if (config.redis.connection === '' && config.redis.publish_frames !== 'off') {
    found.push(
      `redis.publish_frames is ${config.redis.publish_frames}, and nothing is published because redis.connection is empty: ` +
        'set it to "host:port", or publish_frames to off.',
    );
  }
  return found;
}
