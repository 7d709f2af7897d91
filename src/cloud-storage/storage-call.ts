import { ChrysError, messageOf } from '../base/errors.js';
import { redactUrl } from '../base/redact.js';
import { NoAnswer } from '../cloud/endpoint.js';
import { signedHeaders, type EdgeKeys } from '../cloud/signature.js';
import { storageBody, storageEndpoint } from '../cloud/storage-request.js';

export interface StorageCall {
  /** api.endpoint. */
  readonly apiEndpoint: string;
  /** rtmp_endpoint of the camera. */
  readonly rtmpEndpoint: string;
  readonly enable: boolean;
  readonly keys: EdgeKeys;
  readonly nowMs: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** The stream key, which identifies a stream in the cloud: the last segment of its RTMP URL. Throws failed_precondition without one. */
export function streamKeyOf(rtmpEndpoint: string): string {
  const key = new URL(rtmpEndpoint).pathname.split('/').at(-1) ?? '';
  if (key === '') {
    throw new ChrysError(
      'failed_precondition',
      'the rtmp_endpoint has no stream key, which identifies the stream in the cloud: use the form rtmp://host/app/key',
    );
  }
  return key;
}

/** Resolves when the cloud has accepted the request. Throws permission_denied, unavailable, or failed_precondition without a stream key. */
export async function switchStorage(call: StorageCall): Promise<void> {
  const body = storageBody(call.enable);
  const base = redactUrl(call.apiEndpoint);
  const endpoint = storageEndpoint(call.apiEndpoint, streamKeyOf(call.rtmpEndpoint), call.timeoutMs);
  try {
    const answer = await endpoint.put(body, signedHeaders(body, call.keys, call.nowMs), call.signal);
    if (answer.status >= 200 && answer.status < 300) return;
    const answered = `${base} answered ${answer.status}${answer.text === '' ? '' : ` (${answer.text})`}`;
    if (answer.status === 401 || answer.status === 403) {
      throw new ChrysError(
        'permission_denied',
        `${answered}: it does not accept the edge key and secret of the settings; correct them with "chrysproxy cloud set-key"`,
      );
    }
    throw new ChrysError('unavailable', answered);
  } catch (error) {
    if (error instanceof ChrysError) throw error;
    const why = error instanceof NoAnswer ? error.message : `the request cannot be sent (${messageOf(error)})`;
    throw new ChrysError('unavailable', `${base}: ${why}`, { cause: error });
  } finally {
    endpoint.close();
  }
}
