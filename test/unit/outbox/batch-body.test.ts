import { expect, it } from 'vitest';
import { batchBody, batchId } from '../../../src/outbox/batch-body.js';

const two = [
  { id: 'a', json: '{"id":"a"}' },
  { id: 'b', json: '{"id":"b"}' },
];

it('the body of a batch has the items under "data"', () => {
  expect(batchBody(two).toString()).toBe('{"data":[{"id":"a"},{"id":"b"}]}');
  expect(batchBody([]).toString()).toBe('{"data":[]}');
});

it('the id of a batch is a hash of the ids', () => {
  // printf 'a\nb' | openssl sha256
  expect(batchId(two)).toBe('7e18f737311b2dc3b2f269dd78396b0351f14fb66efa879f768cb23181883c78');
});
