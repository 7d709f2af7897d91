import { expect, it } from 'vitest';

import { Closers } from '../../../src/app/closers.js';

it('closes in the opposite order, one after the other, and goes on after an error', async () => {
  const closers = new Closers();
  const closed: string[] = [];
  closers.add(() => void closed.push('database'));
  closers.add(() => {
    throw new Error('it hangs');
  });
  closers.add(async () => {
    await Promise.resolve();
    closed.push('server');
  });
  expect(await closers.closeAll(undefined)).toBe(false);
  expect(closed).toEqual(['server', 'database']);
});

it('reports that everything was closed', async () => {
  expect(await new Closers().closeAll(undefined)).toBe(true);
});
