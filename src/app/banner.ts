export interface BannerFacts {
  readonly version: string;
  readonly pid: number;
  readonly dataDir: string;
  readonly configPath: string | undefined;
  readonly restHost: string;
  readonly restPort: number;
  readonly grpcPort: number;
  /** Path of the certificate. Undefined: there is no TLS. */
  readonly tlsCert: string | undefined;
  readonly cameraNames: readonly string[];
  /** The command that starts this program, such as `node bin/chrysproxy.js`. */
  readonly command: string;
}

/** The text that a person sees when the proxy runs: its addresses, and the next commands. */
export function banner(facts: BannerFacts): string {
  const host = reachableHost(facts.restHost);
  const tls = facts.tlsCert === undefined ? '' : 's';
  const rest = `http${tls}://${host}:${facts.restPort}`;
  const isUsual = facts.tlsCert === undefined && facts.restPort === 8080 && host === '127.0.0.1';
  const ca = facts.tlsCert === undefined ? '' : ` --ca ${facts.tlsCert}`;
  const url = isUsual ? '' : ` --url ${rest}${ca}`;
  const [first] = facts.cameraNames;
  const lines = [
    '',
    `chrysproxy ${facts.version} is running (pid ${facts.pid}).`,
    '',
    `  Page     ${rest}/`,
    `  REST     ${rest}/api/v1`,
    `  gRPC     ${host}:${facts.grpcPort}${tls === '' ? '' : ' (TLS)'}`,
    `  Data     ${facts.dataDir}`,
    `  Config   ${facts.configPath ?? 'none, defaults'}`,
    `  Cameras  ${cameraText(facts.cameraNames)}`,
    '',
    ...(first === undefined ? [] : ['Fetch a frame:', `  ${facts.command} snapshot ${first} frame.jpg${url}`]),
    'Add your own camera:',
    `  ${facts.command} camera add NAME rtsp://USER:PASSWORD@HOST/PATH${url}`,
    'Stop with Ctrl-C.',
    '',
  ];
  return lines.join('\n');
}

/** An address that reaches the server from this machine: loopback when it listens on all addresses. */
function reachableHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

function cameraText(names: readonly string[]): string {
  const shown = 8;
  if (names.length === 0) return 'none yet';
  const more = names.length > shown ? ` and ${names.length - shown} more` : '';
  return names.slice(0, shown).join(', ') + more;
}
