import { expect, it } from 'vitest';
import { z } from 'zod';
import { KNOWN_KEYS } from '../../../src/config/keys.js';

it.each(KNOWN_KEYS.map(({ path, schema }) => [path.join('.'), schema] as const))(
  '%s has a description',
  (_, schema) => {
    expect(z.globalRegistry.get(schema)?.description).toMatch(/^[A-Z`].*\.$/);
  },
);
