import type { EndpointTrial } from './endpoint-check.js';
import { Endpoint } from './endpoint.js';

const TIMEOUT_MS = 10_000;
/** Of no camera: whoever knows it not says so, and nothing is switched. */
const TRIAL_KEY = 'chrysproxy-check';

/** Where the storage of a stream is switched; `api` is api.endpoint, `key` the last segment of its RTMP URL. */
export function storageEndpoint(api: string, key: string): Endpoint {
  return new Endpoint(`${api.replace(/\/+$/, '')}/api/v1/edge/storage/${encodeURIComponent(key)}`, TIMEOUT_MS);
}

export function storageBody(enable: boolean): Buffer {
  return Buffer.from(JSON.stringify({ enable }));
}

/** Tries the endpoint with a stream that does not exist. */
export function storageTrial(api: string, signal: AbortSignal): EndpointTrial {
  const endpoint = storageEndpoint(api, TRIAL_KEY);
  const body = storageBody(false);
  return {
    endpoint,
    key: 'api.endpoint',
    limitKey: '',
    body,
    send: (headers) =>
      endpoint.put(body, headers, signal).finally(() => {
        endpoint.close();
      }),
    good: 'it takes the edge key for switching storage.',
    rejected: '',
    fault: 'it has a fault of its own at the moment; what is to be switched waits until it is over.',
    mayReject: true,
  };
}
