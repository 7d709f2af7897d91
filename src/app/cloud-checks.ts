import type { Annotations } from '../annotations/types.js';
import { systemClock } from '../base/clock.js';
import type { Cameras } from '../cameras/types.js';
import { checkEndpoint } from '../cloud/endpoint-check.js';
import type { EdgeKeys } from '../cloud/signature.js';
import { storageTrial } from '../cloud/storage-request.js';
import type { Config } from '../config/schema.js';
import type { Webhooks } from '../events/webhooks.js';
import type { CloudCheck } from '../rest/routes/services.js';

export interface CheckParts {
  readonly annotations: Pick<Annotations, 'checkEndpoint'>;
  /** Undefined: webhook.url is empty. */
  readonly webhooks: Pick<Webhooks, 'checkEndpoint'> | undefined;
  readonly cameras: Pick<Cameras, 'list'>;
  readonly keys: () => EdgeKeys;
  readonly stopping: AbortSignal;
}

/** The endpoints that this proxy uses with its configuration and cameras, for "cloud check". */
export function cloudChecks({ api }: Config, parts: CheckParts): readonly CloudCheck[] {
  const { annotations, webhooks, cameras, keys, stopping } = parts;
  const canStore = cameras.list().some(({ definition }) => definition.rtmpEndpoint !== undefined);
  const storage: CloudCheck = {
    of: 'storage',
    check: () => checkEndpoint(storageTrial(api.endpoint, stopping), keys(), systemClock),
  };
  return [
    { of: 'annotations', check: () => annotations.checkEndpoint() },
    ...(canStore ? [storage] : []),
    ...(webhooks === undefined ? [] : [{ of: 'webhooks', check: () => webhooks.checkEndpoint() } as const]),
  ];
}
