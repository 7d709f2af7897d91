import { Router } from 'express';
import type { Clock } from '../../base/clock.js';
import type { EdgeKeys } from '../../cloud/signature.js';
import type { Settings, SettingsStore } from '../../database/settings.js';
import { onlyMethods } from '../http/answers.js';
import { parseBody, settingsBody } from './bodies.js';
import { jsonBody } from '../http/json-body.js';

export interface SettingsParts {
  readonly settings: Pick<SettingsStore, 'get' | 'put'>;
  /** Hands other keys to all who sign with them. */
  readonly useKeys: (keys: EdgeKeys) => void;
  readonly clock: Clock;
}

const MASK = '***';
const SHOWN_CHARACTERS = 4;

/** The keys for the cloud. `base` is where the interface begins. */
export function settingsRoutes(base: string, parts: SettingsParts): Router {
  const router = Router({ caseSensitive: true });
  router
    .route(`${base}/settings`)
    .get((_req, res) => void res.json(settingsAnswer(parts.settings.get())))
    .post(jsonBody, (req, res) => void res.json(settingsAnswer(save(req.body, parts))))
    .all(onlyMethods('GET', 'POST'));
  return router;
}

/** What comes back as it is shown stays as it is. */
function save(value: unknown, { settings, useKeys, clock }: SettingsParts): Settings {
  const body = parseBody(settingsBody, value);
  const { edgeKey, edgeSecret } = settings.get();
  const key = edgeKey !== '' && body.edge_key === shownKey(edgeKey) ? edgeKey : body.edge_key;
  const secret = body.edge_secret === MASK ? edgeSecret : body.edge_secret;
  const saved = settings.put(key, secret, clock.nowMs());
  useKeys(saved);
  return saved;
}

function settingsAnswer(settings: Settings) {
  return {
    name: settings.name,
    edge_key: shownKey(settings.edgeKey),
    edge_secret: settings.edgeSecret === '' ? '' : MASK,
    created: settings.createdMs,
    modified: settings.modifiedMs,
  };
}

export type SettingsAnswer = ReturnType<typeof settingsAnswer>;

/** Enough to tell keys apart: a quarter of it, at most four characters. */
function shownKey(key: string): string {
  return key === '' ? '' : `${key.slice(0, Math.min(SHOWN_CHARACTERS, Math.floor(key.length / 4)))}${MASK}`;
}
