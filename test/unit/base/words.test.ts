import { describe, expect, it } from 'vitest';
import { parseDurationMs } from '../../../src/base/duration.js';
import { didYouMean, editDistance, nearest } from '../../../src/base/suggest.js';

describe('parseDurationMs', () => {
  it.each([
    ['30s', 30_000],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['1w', 604_800_000],
    ['250ms', 250],
    ['1h30m', 5_400_000],
    ['1.5s', 1500],
  ])('reads %s', (text, ms) => {
    expect(parseDurationMs(text)).toBe(ms);
  });

  it.each(['', '5', 'm', '5 m', '-5m', '5x', '5m ', '1e3s', '9'.repeat(30) + 'w'])('refuses %j', (text) => {
    expect(parseDurationMs(text)).toBeUndefined();
  });
});

describe('nearest', () => {
  const known = ['port', 'grpc_port', 'buffer', 'in_memory', 'in_memory_scale'];

  it.each([
    ['prot', 'port'],
    ['grpcport', 'grpc_port'],
    ['GRPC_PORT', 'grpc_port'],
    ['bufer', 'buffer'],
    ['in_memroy', 'in_memory'],
  ])('finds what %s was meant to be', (word, meant) => {
    expect(nearest(word, known)).toBe(meant);
  });

  it('finds nothing for a word that resembles none', () => {
    expect(nearest('zebra', known)).toBeUndefined();
    expect(didYouMean('zebra', known)).toBe('');
  });

  it('counts a swap of neighbours as one edit', () => {
    expect(editDistance('ab', 'ba')).toBe(1);
    expect(editDistance('', 'abc')).toBe(3);
  });
});
