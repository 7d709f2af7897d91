import type { EndpointTrial } from './endpoint-check.js';
import { Endpoint } from './endpoint.js';

const TRIAL_TIMEOUT_MS = 10_000;
/** A stream key that no camera has, so that the check switches nothing. */
const TRIAL_KEY = 'chrysproxy-check';

/** The endpoint that switches the storage of a stream. `api` is api.endpoint, `key` the last segment of the RTMP URL, unchanged. */
export function storageEndpoint(api: string, key: string, timeoutMs: number): Endpoint {
  return new Endpoint(`${api.replace(/\/+$/, '')}/api/v1/edge/storage/${key}`, timeoutMs);
}

export function storageBody(enable: boolean): Buffer {
  return Buffer.from(JSON.stringify({ enable }));
}

/** Checks the endpoint with a stream that does not exist. */
export function storageTrial(api: string, signal: AbortSignal): EndpointTrial {
  const endpoint = storageEndpoint(api, TRIAL_KEY, TRIAL_TIMEOUT_MS);
  const body = storageBody(false);
  return {
    endpoint,
    endpointKey: 'api.endpoint',
    timeoutKey: '',
    body,
    send: (headers) =>
      endpoint.put(body, headers, signal).finally(() => {
        endpoint.close();
      }),
    acceptedText: 'it accepts the edge key for switching storage.',
    rejectedText: '',
    serverErrorText: 'it reports an error of its own; storage is switched when it works again.',
    rejectionIsFine: true,
  };
}
