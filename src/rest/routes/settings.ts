import type { Clock } from '../../base/clock.js';
import type { EdgeKeys } from '../../cloud/signature.js';
import type { Settings, SettingsStore } from '../../database/settings.js';
import type { SettingsAnswer, SettingsBody } from '../route-table/services.js';

export interface SettingsParts {
  readonly settings: Pick<SettingsStore, 'get' | 'put'>;
  /** Passes new keys to everything that signs with them. */
  readonly useKeys: (keys: EdgeKeys) => void;
  readonly clock: Clock;
}

const MASK = '***';
const SHOWN_CHARACTERS = 4;

/** Stores the keys and uses them. A masked key or secret that a client sends back leaves the stored one as it is. */
export function saveSettings(body: SettingsBody, { settings, useKeys, clock }: SettingsParts): Settings {
  const { edgeKey, edgeSecret } = settings.get();
  const key = edgeKey !== '' && body.edge_key === shownKey(edgeKey) ? edgeKey : body.edge_key;
  const secret = body.edge_secret === MASK ? edgeSecret : body.edge_secret;
  const saved = settings.put(key, secret, clock.nowMs());
  useKeys(saved);
  return saved;
}

export function settingsAnswer(settings: Settings): SettingsAnswer {
  return {
    name: settings.name,
    edge_key: shownKey(settings.edgeKey),
    edge_secret: settings.edgeSecret === '' ? '' : MASK,
    created: settings.createdMs,
    modified: settings.modifiedMs,
  };
}

/** A quarter of the key, at most four characters, and a mask: enough to tell keys apart. */
function shownKey(key: string): string {
  return key === '' ? '' : `${key.slice(0, Math.min(SHOWN_CHARACTERS, Math.floor(key.length / 4)))}${MASK}`;
}
