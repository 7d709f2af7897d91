import type { Clock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import { NoAnswer, type Endpoint, type EndpointAnswer, type EndpointFailure } from './endpoint.js';
import { missingKeys, signedHeaders, type EdgeKeys } from './signature.js';

export type CheckProblem =
  | 'no_key'
  | 'unknown_host'
  | 'refused'
  | 'unreachable'
  | 'timeout'
  | 'tls'
  | 'broken_off'
  | 'forbidden'
  | 'redirect'
  | 'rejected'
  | 'server_error';

/** The result of checking an endpoint. */
export interface EndpointCheck {
  /** Masked. */
  readonly endpoint: string;
  /** Undefined: the endpoint works. */
  readonly problem: CheckProblem | undefined;
  /** What is wrong and what to do, for people. */
  readonly message: string;
  /** HTTP status of the answer; 0 = there was no answer. */
  readonly status: number;
  readonly tookMs: number;
  /** Our clock minus the endpoint's clock, exact to a second; undefined: the answer had no Date. */
  readonly clockSkewMs: number | undefined;
}

/** The request that checks an endpoint, and the meaning of its answers. */
export interface EndpointTrial {
  readonly endpoint: Pick<Endpoint, 'shownUrl'>;
  /** Configuration keys of the endpoint's URL and its timeout; '' = the timeout is fixed. */
  readonly endpointKey: string;
  readonly timeoutKey: string;
  readonly body: Buffer;
  send(headers: Readonly<Record<string, string>>): Promise<EndpointAnswer>;
  /** Texts after "… answered 200:", for the statuses 2xx, 4xx and 5xx. */
  readonly acceptedText: string;
  readonly rejectedText: string;
  readonly serverErrorText: string;
  /** Whether 4xx other than 401 and 403 count as accepted. */
  readonly rejectionIsFine?: boolean;
}

/** A larger skew is reported, because the cloud may refuse signatures that are some minutes old. */
const REPORTED_SKEW_MS = 60_000;

interface Verdict {
  readonly problem: CheckProblem | undefined;
  readonly message: string;
}

/** Checks an endpoint. Never rejects because of the endpoint. */
export async function checkEndpoint(trial: EndpointTrial, keys: EdgeKeys, clock: Clock): Promise<EndpointCheck> {
  const { shownUrl } = trial.endpoint;
  const none = { endpoint: shownUrl, status: 0, tookMs: 0, clockSkewMs: undefined };
  const missing = missingKeys(keys);
  if (missing !== undefined) return { ...none, problem: 'no_key', message: missing };
  const startedMs = clock.monotonicMs();
  const tookMs = (): number => Math.round(clock.monotonicMs() - startedMs);
  let answer: EndpointAnswer;
  try {
    answer = await trial.send(signedHeaders(trial.body, keys, clock.nowMs()));
  } catch (error) {
    const problem = error instanceof NoAnswer ? error.failure : 'broken_off';
    const message = `${shownUrl}: ${messageOf(error)}. ${adviceFor(problem, trial)}`;
    return { ...none, tookMs: tookMs(), problem, message };
  }
  const clockSkewMs = answer.dateMs === undefined ? undefined : skewOf(clock.nowMs(), answer.dateMs);
  const { problem, message } = verdictOf(answer, trial);
  const answered = `${shownUrl} answered ${answer.status}${answer.text === '' ? '' : ` (${answer.text})`}`;
  return {
    endpoint: shownUrl,
    problem,
    message: [`${answered}: ${message}`, ...skewText(clockSkewMs)].join(' '),
    status: answer.status,
    tookMs: tookMs(),
    clockSkewMs,
  };
}

function adviceFor(failure: EndpointFailure, { endpointKey, timeoutKey }: EndpointTrial): string {
  switch (failure) {
    case 'unknown_host':
      return `Check the spelling of ${endpointKey}, and the DNS of this machine.`;
    case 'refused':
      return `Check the port of ${endpointKey}, and that the receiver runs.`;
    case 'unreachable':
      return 'Check the network and the route to it.';
    case 'timeout':
      return `Check the network and firewalls${timeoutKey === '' ? '' : `; ${timeoutKey} is the limit`}.`;
    case 'tls':
      return `Check its certificate, and https:// or http:// of ${endpointKey}.`;
    case 'broken_off':
      return `Check that ${endpointKey} is an HTTP server.`;
  }
}

function verdictOf({ status, location }: EndpointAnswer, trial: EndpointTrial): Verdict {
  if (status >= 200 && status < 300) return { problem: undefined, message: trial.acceptedText };
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
      message: `redirects${where} are not followed; put the final address into ${trial.endpointKey}.`,
    };
  }
  if (status >= 400 && status < 500) {
    return trial.rejectionIsFine === true
      ? { problem: undefined, message: trial.acceptedText }
      : { problem: 'rejected', message: trial.rejectedText };
  }
  return { problem: 'server_error', message: trial.serverErrorText };
}

/** 0 when the difference is below the resolution of `Date`, which is a second. */
function skewOf(nowMs: number, dateMs: number): number {
  const skewMs = nowMs - dateMs;
  return skewMs >= 0 && skewMs < 1000 ? 0 : skewMs;
}

function skewText(skewMs: number | undefined): string[] {
  if (skewMs === undefined || Math.abs(skewMs) < REPORTED_SKEW_MS) return [];
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  const text = `The clock of this machine is ${seconds} s ${skewMs > 0 ? 'ahead of' : 'behind'} that of the endpoint: correct it, because signatures contain the time.`;
  return [text];
}
