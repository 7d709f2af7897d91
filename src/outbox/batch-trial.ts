import type { Endpoint } from '../cloud/endpoint.js';
import type { EndpointTrial } from '../cloud/endpoint-check.js';
import { batchBody, batchId } from './batch-body.js';
import type { OutboxNames } from './outbox-names.js';

/** Checks the endpoint with an empty batch. */
export function batchTrial(
  endpoint: Pick<Endpoint, 'post' | 'shownUrl'>,
  { item, items, endpointKey, timeoutKey }: OutboxNames,
  signal: AbortSignal,
): EndpointTrial {
  const body = batchBody([]);
  return {
    endpoint,
    endpointKey: endpointKey,
    timeoutKey: timeoutKey,
    body,
    send: (headers) => endpoint.post(body, { ...headers, 'X-Chrys-Batch-Id': batchId([]) }, signal),
    acceptedText: `it accepts ${items}.`,
    rejectedText: `it refuses an empty batch. Check the path of ${endpointKey}; some receivers need at least one ${item}.`,
    serverErrorText: `it reports an error of its own; ${items} wait until it works again.`,
  };
}
