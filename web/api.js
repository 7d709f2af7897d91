// @ts-check
// The routes of the REST interface that the page uses.

/** @import { Answers, Bodies, NewSettings } from './rest-types.js' */

const BASE = '/api/v1';
const TIMEOUT_MS = 10_000;
const CHECK_TIMEOUT_MS = 120_000;
/** The proxy may wait for the cloud twice, up to 10 s each time. */
const CHANGE_TIMEOUT_MS = 30_000;

/** An error that the proxy answered, with its message. `status` is 0 when the proxy did not answer. */
export class RestError extends Error {
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
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}

/** The cameras without their logs, which are long. */
export async function listCameras() {
  return /** @type {Answers['listCameras']} */ (await (await call('GET', 'processlist?logs=false')).json());
}

/** @param {string} name */
export async function showCamera(name) {
  return /** @type {Answers['getCamera']} */ (await (await call('GET', `process/${encodeURIComponent(name)}`)).json());
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
 * @param {Bodies['changeCamera']} changes
 */
export async function changeCamera(name, changes) {
  await call('PATCH', `process/${encodeURIComponent(name)}`, changes, CHANGE_TIMEOUT_MS);
}

export async function annotationsStatus() {
  return /** @type {Answers['getAnnotationsStatus']} */ (await (await call('GET', 'annotations/status')).json());
}

/** The first 100 annotations that the endpoint refused. */
export async function listSetAside() {
  const answer = await (await call('GET', 'annotations/set-aside?limit=100')).json();
  return /** @type {Answers['listSetAside']} */ (answer).annotations;
}

/**
 * Sends all refused annotations again, or deletes them.
 *
 * @param {'requeue' | 'discard'} action
 */
export async function handleSetAside(action) {
  await call('POST', `annotations/set-aside/${action}`, { all: true });
}

export async function settings() {
  return /** @type {Answers['getSettings']} */ (await (await call('GET', 'settings')).json());
}

/** @param {Pick<NewSettings, 'edge_key' | 'edge_secret'>} values */
export async function saveSettings(values) {
  await call('POST', 'settings', { name: 'default', ...values });
}

/** Tries the endpoints that the proxy sends to, and waits until each has answered or timed out. */
export async function checkCloud() {
  const answer = await (await call('POST', 'cloud/check', undefined, CHECK_TIMEOUT_MS)).json();
  return /** @type {Answers['checkCloud']} */ (answer).checks;
}

export async function info() {
  return /** @type {Answers['getInfo']} */ (await (await call('GET', 'info')).json());
}

/**
 * Each call returns a different URL, so that the browser does not show a cached picture.
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
async function call(method, path, body, timeoutMs = TIMEOUT_MS) {
  let response;
  try {
    response = await fetch(`${BASE}/${path}`, {
      method,
      signal: AbortSignal.timeout(timeoutMs),
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
  } catch {
    throw new RestError(0, 'The proxy does not answer. Is it still running?');
  }
  if (response.ok) return response;
  const answer = /** @type {{ message?: unknown }} */ (await response.json().catch(() => ({})));
  const message = typeof answer.message === 'string' ? answer.message : `The proxy answered ${response.status}.`;
  throw new RestError(response.status, message);
}
