/** Annotations that the tests send, and the status that the proxy reports. */
import { KEY, SECRET } from './annotation-receiver.js';
import type { ImageClient } from './grpc-client.js';
import type { Proxy } from './proxy.js';

/** The settings that AnnotationReceiver accepts. */
export const KEYS = { edge_key: KEY, edge_secret: SECRET };

export interface StatusAnswer {
  readonly mode: string;
  readonly queued: number;
  readonly in_flight: number;
  readonly delivered: number;
  readonly set_aside: number;
  readonly kept: number;
  readonly paused: string | null;
  readonly last_error: string | null;
  readonly redis: {
    readonly connected: boolean;
    readonly message: string | null;
    readonly shared: number;
    readonly sender: 'this' | 'other' | 'none';
  } | null;
}

export function annotate(
  client: ImageClient,
  camera: string,
  fields: Readonly<Record<string, unknown>> = {},
): Promise<unknown> {
  return client.unary('Annotate', { device_name: camera, type: 'moving', start_timestamp: Date.now(), ...fields });
}

export async function annotationsStatus(proxy: Proxy): Promise<StatusAnswer> {
  const { status, text } = await proxy.rest('GET', '/api/v1/annotations/status');
  if (status !== 200) throw new Error(`The status of the annotations: ${status} ${text}`);
  return JSON.parse(text) as StatusAnswer;
}
