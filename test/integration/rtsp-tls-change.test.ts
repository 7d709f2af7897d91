/** A pinned certificate that changes is a reason of its own, and nothing is sent to whoever shows another one. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:tls';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CertificateAuthority } from '../support/certificates.js';
import { RtspScene } from '../support/rtsp-scene.js';

let folder: string;
let scene: RtspScene<'camera'>;
let authority: CertificateAuthority;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'chrysproxy-pin-'));
  authority = new CertificateAuthority(folder, 'camera-ca');
  scene = await RtspScene.start({ camera: { tls: authority.sign('first'), auth: { schemes: ['basic'] } } });
});
afterAll(async () => {
  await scene.dispose();
  rmSync(folder, { recursive: true, force: true });
});

it('another certificate on the same address ends in certificate_changed, without a byte of RTSP', async () => {
  await scene.running('camera');
  const { learned } = await scene.until('camera', 'pins', (state) => state.learned?.certificate != null);
  const port = scene.cameras.port('camera');
  await scene.cameras.stop();
  const other = authority.sign('second');
  let received = 0;
  const server = createServer({ cert: readFileSync(other.cert), key: readFileSync(other.key) }, (socket) => {
    socket.on('error', () => undefined).on('data', (chunk) => (received += chunk.length));
  });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  try {
    const { message, learned: after } = await scene.failed('camera', 'certificate_changed', 60_000);
    expect(message).toMatch(/another certificate/i);
    expect(after?.certificate).toBe(learned?.certificate);
    expect(received).toBe(0);
  } finally {
    server.close();
  }
});
