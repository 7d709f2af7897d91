import { expect, it } from 'vitest';
import { signedHeaders } from '../../../src/cloud/signature.js';

// Computed with `openssl md5` and `openssl dgst -sha256 -hmac`, and checked with Python's hashlib and hmac.
it.each([
  [
    '{"data":[]}',
    'e0234245cb00aa260ccfa99a9a0b235e',
    '586f0e6771163d2b600f5140f68b7174c09af8ffaac3652e833314447f658f8c',
  ],
  [
    '{"data":[{"id":"a","device_name":"Dvorišče","type":"moving"}]}',
    '47ef54010541e76d095afc73005b7e1e',
    'fe8d5c3ac178571a4f23b8beb263485dbbeb3ad33db86e2fb2412c20b125312e',
  ],
])('the signature of %s is the one that other programs compute', (body, md5, mac) => {
  const keys = { edgeKey: 'edge', edgeSecret: 'geheim ß' };
  expect(signedHeaders(Buffer.from(body), keys, 1_767_323_045_123)).toEqual({
    'X-ChrysEdge-Auth': `edge:${mac}`,
    'X-Chrys-Date': '1767323045123',
    'Content-MD5': md5,
  });
});
