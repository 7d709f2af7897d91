// @ts-check
// The proxy's REST interface, as far as this page needs it.

/**
 * @typedef {object} Camera What GET process/:name answers; docs/reference/rest.md has all of it.
 * @property {string} name
 * @property {string} rtsp_endpoint
 * @property {{ stdout: string, stderr: string }} logs
 * @property {Additions} chrysproxy
 *
 * @typedef {object} Additions
 * @property {string} phase
 * @property {number} since
 * @property {string | null} reason
 * @property {string} message
 * @property {number | null} next_attempt
 * @property {{ codec: string, width: number, height: number } | null} stream
 * @property {Stats} stats
 * @property {Recording} recording
 * @property {{ camera: string, speed: number, loop: boolean } | null} replay
 *
 * @typedef {object} Stats
 * @property {number} packets
 * @property {number} bytes
 * @property {number} decode_us
 * @property {number} convert_us
 * @property {number} fps
 * @property {string} decoding
 * @property {number} callers
 * @property {number | null} last_packet
 *
 * @typedef {object} Recording
 * @property {boolean} wanted
 * @property {string} state
 * @property {string} message
 * @property {number} segments
 * @property {number} bytes
 * @property {number | null} last_segment
 *
 * @typedef {{ version: string, grpc_port: number | null, time: number }} Info
 */

const BASE = '/api/v1';
const TIMEOUT_MS = 10_000;

/** What the proxy did not do, in its own words; `status` is 0 when it did not answer at all. */
export class Refusal extends Error {
  /**
   * @param {number} status
   * @param {string} message
   */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** @param {unknown} error */
export function sentenceOf(error) {
  return error instanceof Error ? error.message : String(error);
}

/** Without their logs, which are long. */
export async function listCameras() {
  return /** @type {Camera[]} */ (await (await call('GET', 'processlist?logs=false')).json());
}

/** @param {string} name */
export async function showCamera(name) {
  return /** @type {Camera} */ (await (await call('GET', `process/${encodeURIComponent(name)}`)).json());
}

/** @param {Readonly<Record<string, string>>} fields */
export async function addCamera(fields) {
  await call('POST', 'process', fields);
}

/** @param {string} name */
export async function removeCamera(name) {
  await call('DELETE', `process/${encodeURIComponent(name)}`);
}

/**
 * @param {string} name
 * @param {boolean} record
 */
export async function setRecord(name, record) {
  await call('PATCH', `process/${encodeURIComponent(name)}`, { record });
}

export async function info() {
  return /** @type {Info} */ (await (await call('GET', 'info')).json());
}

/**
 * Each call gives another address: a browser would take the picture that it has already.
 *
 * @param {string} name
 * @param {number} width
 */
export function snapshotUrl(name, width) {
  return `${BASE}/process/${encodeURIComponent(name)}/snapshot.jpg?keyframe=true&width=${width}&t=${Date.now()}`;
}

/**
 * @param {string} name
 * @param {number} width
 */
export function liveUrl(name, width) {
  return `${BASE}/process/${encodeURIComponent(name)}/stream.mjpeg?width=${width}`;
}

/**
 * @param {string} name
 * @param {number} fromMs
 * @param {number} toMs
 */
export function lastMinuteUrl(name, fromMs, toMs) {
  const file = `${name}-${new Date(toMs).toISOString().replaceAll(/[-:]|\.\d+/g, '')}.mp4`;
  const query = new URLSearchParams({ from: String(fromMs), to: String(toMs), download: file });
  return `${BASE}/process/${encodeURIComponent(name)}/clip.mp4?${query}`;
}

/**
 * @param {string} method
 * @param {string} path
 * @param {object} [body]
 */
async function call(method, path, body) {
  let response;
  try {
    response = await fetch(`${BASE}/${path}`, {
      method,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
  } catch {
    throw new Refusal(0, 'The proxy does not answer. Is it still running?');
  }
  if (response.ok) return response;
  const answer = /** @type {{ message?: unknown }} */ (await response.json().catch(() => ({})));
  const message = typeof answer.message === 'string' ? answer.message : `The proxy answered ${response.status}.`;
  throw new Refusal(response.status, message);
}
