import { Router } from 'express';
import type { EndpointCheck } from '../../cloud/endpoint-check.js';
import { onlyMethods } from '../http/answers.js';

/** Something of the cloud that the proxy talks to. */
export interface CloudCheck {
  readonly of: 'annotations' | 'storage' | 'webhooks';
  check(): Promise<EndpointCheck>;
}

export interface CloudParts {
  /** Those that are in use at the moment. */
  readonly cloudChecks: () => readonly CloudCheck[];
}

/** Whether the cloud can be talked to. `base` is where the interface begins. */
export function cloudRoutes(base: string, { cloudChecks }: CloudParts): Router {
  const router = Router({ caseSensitive: true });
  router
    .route(`${base}/cloud/check`)
    .post(async (req, res) => {
      req.socket.setTimeout(0);
      const checks = await Promise.all(cloudChecks().map(async (each) => checkAnswer(each.of, await each.check())));
      res.json({ ok: checks.every(({ ok }) => ok), checks });
    })
    .all(onlyMethods('POST'));
  return router;
}

function checkAnswer(of: CloudCheck['of'], { endpoint, problem, message, status, tookMs, clockSkewMs }: EndpointCheck) {
  return {
    of,
    ok: problem === undefined,
    endpoint,
    problem: problem ?? null,
    message,
    status: status === 0 ? null : status,
    took_ms: tookMs,
    clock_skew_ms: clockSkewMs ?? null,
  };
}

export interface CloudCheckAnswer {
  readonly ok: boolean;
  readonly checks: readonly ReturnType<typeof checkAnswer>[];
}
