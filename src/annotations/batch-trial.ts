import type { Endpoint } from '../cloud/endpoint.js';
import type { EndpointTrial } from '../cloud/endpoint-check.js';
import { batchBody, batchId } from './batch-body.js';

/** Tries the endpoint with an empty batch. */
export function batchTrial(endpoint: Pick<Endpoint, 'post' | 'shownUrl'>, signal: AbortSignal): EndpointTrial {
  const body = batchBody([]);
  return {
    endpoint,
    key: 'annotation.endpoint',
    limitKey: 'annotation.timeout_ms',
    body,
    send: (headers) => endpoint.post(body, { ...headers, 'X-Chrys-Batch-Id': batchId([]) }, signal),
    good: 'it takes annotations.',
    rejected:
      'it refuses an empty batch. Check the path of annotation.endpoint; a receiver may also want at least one annotation.',
    fault: 'it has a fault of its own at the moment; annotations wait until it is over.',
  };
}
