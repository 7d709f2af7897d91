import type { Clock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import { batchBody, batchId } from './batch-body.js';
import { NoAnswer, type Endpoint, type EndpointAnswer } from '../cloud/endpoint.js';
import { missingKeys } from './sender.js';
import { signedHeaders, type EdgeKeys } from '../cloud/signature.js';
import type { CheckProblem, EndpointCheck } from './types.js';

/** Signatures carry our time, and a cloud may refuse what is older than some minutes. */
const SKEW_MS = 60_000;

interface Verdict {
  readonly problem: CheckProblem | undefined;
  readonly message: string;
}

/** Posts an empty, signed batch and says what is wrong, if something is. */
export async function checkEndpoint(
  endpoint: Pick<Endpoint, 'post' | 'shownUrl'>,
  keys: EdgeKeys,
  clock: Clock,
  signal: AbortSignal,
): Promise<EndpointCheck> {
  const none = { endpoint: endpoint.shownUrl, status: 0, tookMs: 0, clockSkewMs: undefined };
  const missing = missingKeys(keys);
  if (missing !== undefined) return { ...none, problem: 'no_key', message: missing };
  const startedMs = clock.monotonicMs();
  const tookMs = (): number => Math.round(clock.monotonicMs() - startedMs);
  const body = batchBody([]);
  const headers = { ...signedHeaders(body, keys, clock.nowMs()), 'X-Chrys-Batch-Id': batchId([]) };
  let answer: EndpointAnswer;
  try {
    answer = await endpoint.post(body, headers, signal);
  } catch (error) {
    const problem = error instanceof NoAnswer ? error.trouble : 'broken_off';
    return {
      ...none,
      tookMs: tookMs(),
      problem,
      message: `${endpoint.shownUrl}: ${messageOf(error)}. ${ADVICE[problem]}`,
    };
  }
  const clockSkewMs = answer.dateMs === undefined ? undefined : skewOf(clock.nowMs(), answer.dateMs);
  const { problem, message } = verdictOf(answer);
  const said = `${endpoint.shownUrl} answered ${answer.status}${answer.text === '' ? '' : ` (${answer.text})`}`;
  return {
    endpoint: endpoint.shownUrl,
    problem,
    message: [`${said}: ${message}`, ...skewText(clockSkewMs)].join(' '),
    status: answer.status,
    tookMs: tookMs(),
    clockSkewMs,
  };
}

const ADVICE: Readonly<Record<NoAnswer['trouble'], string>> = {
  unknown_host: 'Check the spelling of annotation.endpoint, and the DNS of this machine.',
  refused: 'Check the port of annotation.endpoint, and that the receiver runs.',
  unreachable: 'Check the network and the route to it.',
  timeout: 'Check the network and firewalls; annotation.timeout_ms is the limit.',
  tls: 'Check its certificate, and https:// or http:// of annotation.endpoint.',
  broken_off: 'Check that annotation.endpoint is an HTTP server.',
};

function verdictOf({ status, location }: EndpointAnswer): Verdict {
  if (status >= 200 && status < 300) return { problem: undefined, message: 'it takes annotations.' };
  if (status === 401 || status === 403) {
    return {
      problem: 'forbidden',
      message: 'it does not accept the edge key and secret; set them with "chrysproxy cloud set-key".',
    };
  }
  if (status >= 300 && status < 400) {
    const where = location === '' ? '' : ` to ${location}`;
    return {
      problem: 'redirect',
      message: `redirects${where} are not followed; put the final address into annotation.endpoint.`,
    };
  }
  if (status >= 400 && status < 500) {
    const message =
      'it refuses an empty batch. Check the path of annotation.endpoint; a receiver may also want at least one annotation.';
    return { problem: 'rejected', message };
  }
  return {
    problem: 'server_error',
    message: 'it has a fault of its own at the moment; annotations wait until it is over.',
  };
}

/** `Date` tells whole seconds. */
function skewOf(nowMs: number, dateMs: number): number {
  const skewMs = nowMs - dateMs;
  return skewMs >= 0 && skewMs < 1000 ? 0 : skewMs;
}

function skewText(skewMs: number | undefined): string[] {
  if (skewMs === undefined || Math.abs(skewMs) < SKEW_MS) return [];
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  const text = `The clock of this machine is ${seconds} s ${skewMs > 0 ? 'ahead of' : 'behind'} that of the endpoint: set it right, because signatures carry the time.`;
  return [text];
}
