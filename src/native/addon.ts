import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

import { ChrysError } from '../base/errors.js';
import { LAYOUT_VERSION } from '../gen/ring-layout.js';
import type { NativeAddon } from './types.js';

const RELEASE = fileURLToPath(new URL('../../native/build/chrys_native.node', import.meta.url));

let loaded: NativeAddon | undefined;

/**
 * The native addon, loaded once per thread. CHRYSPROXY_NATIVE_ADDON names another build of it (the sanitizers' one).
 * Throws failed_precondition when it was not built, or was built from another ring layout than this code.
 */
export function loadAddon(): NativeAddon {
  if (loaded !== undefined) return loaded;
  const path = process.env['CHRYSPROXY_NATIVE_ADDON'] ?? RELEASE;
  if (!existsSync(path)) {
    throw new ChrysError('failed_precondition', `the native addon ${path} is missing: run bin/setup to build it`);
  }
  const addon = createRequire(import.meta.url)(path) as NativeAddon;
  if (addon.layoutVersion !== LAYOUT_VERSION) {
    throw new ChrysError(
      'failed_precondition',
      `the native addon has ring layout ${addon.layoutVersion} and this code has ${LAYOUT_VERSION}: run bin/setup to rebuild it`,
    );
  }
  loaded = addon;
  return addon;
}
