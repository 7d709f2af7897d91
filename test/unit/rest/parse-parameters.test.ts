import { expect, it } from 'vitest';
import { z } from 'zod';

import { parseParameters } from '../../../src/rest/http/parse-parameters.js';

const SCHEMA = z.object({ at: z.string('a time').regex(/^\d+$/, 'a time') });

it.each([
  [{}, 'at is missing; allowed is a time.'],
  [{ at: 'soon' }, 'at: "soon" is not allowed; allowed is a time.'],
  [{ at: ['1', '2'] }, 'at: ["1","2"] is not allowed; allowed is a time.'],
])('parameters %o are refused with a message that names the parameter', (values, message) => {
  expect(() => parseParameters(SCHEMA, values)).toThrow(
    expect.objectContaining({ kind: 'invalid_argument', message }) as Error,
  );
});
