import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ChrysError } from '../../../../src/base/errors.js';
import { isSameStream, parseSourceUrl } from '../../../../src/cameras/source/source-url.js';
import { KNOWN_SCHEMES } from '../../../../src/config/schema.js';

function refusal(url: string, schemes = KNOWN_SCHEMES as readonly ('rtsp' | 'rtsps' | 'file')[]): string {
  try {
    parseSourceUrl(url, schemes);
  } catch (error) {
    expect(error).toBeInstanceOf(ChrysError);
    expect((error as ChrysError).kind).toBe('invalid_argument');
    return (error as ChrysError).message;
  }
  throw new Error(`${url} was accepted`);
}

describe('a stream URL', () => {
  it.each([
    ['rtsp://cam.local/live', 'rtsp://cam.local/live', 'cam.local', 554],
    ['rtsps://cam/live', 'rtsps://cam/live', 'cam', 322],
    ['RTSP://Cam_1/live', 'rtsp://Cam_1/live', 'Cam_1', 554],
    ['  rtsp://cam/live  ', 'rtsp://cam/live', 'cam', 554],
    ['rtsp://10.0.0.5:8554', 'rtsp://10.0.0.5:8554', '10.0.0.5', 8554],
    ['rtsp://[fe80::1]:8554/a', 'rtsp://[fe80::1]:8554/a', 'fe80::1', 8554],
    ['rtsp://cam/live?channel=1&subtype=0', 'rtsp://cam/live?channel=1&subtype=0', 'cam', 554],
    ['rtsp://10.0.0.5?channel=1', 'rtsp://10.0.0.5?channel=1', '10.0.0.5', 554],
    ['rtsp://10.0.0.5/stream@1', 'rtsp://10.0.0.5/stream@1', '10.0.0.5', 554],
    ['rtsp://cam/with space/é', 'rtsp://cam/with%20space/%C3%A9', 'cam', 554],
    ['rtsp://cam/already%20encoded', 'rtsp://cam/already%20encoded', 'cam', 554],
  ])('%s is opened as %s', (raw, url, host, port) => {
    expect(parseSourceUrl(raw, KNOWN_SCHEMES)).toMatchObject({ kind: 'rtsp', url, host, port });
  });

  it.each([
    ['plain', 'rtsp://admin:secret@cam/a', 'admin:secret'],
    ['an @', 'rtsp://admin:p@ss@cam/a', 'admin:p%40ss'],
    ['a #', 'rtsp://admin:p#ss@cam/a', 'admin:p%23ss'],
    ['a ?', 'rtsp://admin:p?ss@cam/a', 'admin:p%3Fss'],
    ['a :', 'rtsp://admin:p:ss@cam/a', 'admin:p:ss'],
    ['a lone %', 'rtsp://admin:100%@cam/a', 'admin:100%25'],
    ['a % before other letters', 'rtsp://admin:5%zz@cam/a', 'admin:5%25zz'],
    ['what is encoded already', 'rtsp://admin:p%40s%2Fs@cam/a', 'admin:p%40s%2Fs'],
    ['a space', 'rtsp://admin:p ss@cam/a', 'admin:p%20ss'],
    ['letters of other languages', 'rtsp://jürgen:pässé@cam/a', 'j%C3%BCrgen:p%C3%A4ss%C3%A9'],
    ['no password', 'rtsp://admin@cam/a', 'admin'],
    ['a : in the user name', 'rtsp://ad%3Amin:secret@cam/a', 'ad%3Amin:secret'],
    ['300 characters', `rtsp://admin:${'secret'.repeat(50)}@cam/a`, `admin:${'secret'.repeat(50)}`],
    ['an empty password', 'rtsp://admin:@cam/a', 'admin:'],
  ])('may have a password with %s', (_what, raw, credentials) => {
    expect(parseSourceUrl(raw, KNOWN_SCHEMES)).toMatchObject({ url: `rtsp://${credentials}@cam/a`, host: 'cam' });
  });

  it.each([
    ['rtsp://admin:se/cret@cam/a'],
    ['rtsp://admin:99999/secret@cam/a'],
    ['rtsp://admin:12/34secret@10.0.0.5/a'],
    ['rtsp://admin:p@w/secret@cam/a'],
    ['rtsp://admin:secret/@cam'],
  ])('is refused with advice to encode it when it is ambiguous: %s', (raw) => {
    const message = refusal(raw);
    expect(message).toContain('%2F');
    expect(message).not.toMatch(/secret|99999|cret/);
  });

  it.each([
    ['without a host', 'rtsp:///live', 'no host'],
    ['with a port and no host', 'rtsp://:554/live', 'no host'],
    ['with credentials and no host', 'rtsp://admin:secret@/live', 'no host'],
    ['with nothing', 'rtsp://', 'no host'],
    ['without slashes', 'rtsp:cam/live', '"//"'],
    ['with port 0', 'rtsp://cam:0/a', '"0"'],
    ['with port 65536', 'rtsp://cam:65536/a', '"65536"'],
    ['with a port that is no number', 'rtsp://cam:abc/a', 'not a port number'],
    ['with a bare IPv6 address', 'rtsp://fe80::1/a', 'brackets'],
    ['with a wrong IPv6 address', 'rtsp://[fe80::zz]/a', 'fe80::zz'],
    ['with a host of odd characters', 'rtsp://ca$m/a', 'ca$m'],
    ['with an empty user', 'rtsp://:secret@cam/a', 'user name'],
    ['with a line break', 'rtsp://cam/a\nb', 'control character'],
    ['with a line break at its end', 'rtsp://cam/a\r\n', 'control character'],
    ['with a NUL', 'rtsp://cam/a\0', 'control character'],
    ['with an encoded line break in the user', 'rtsp://ad%0d%0aX:secret@cam/a', 'control character'],
    ['of 4097 characters', `rtsp://cam/${'a'.repeat(4097 - 'rtsp://cam/'.length)}`, '4096'],
  ])('%s is refused', (_what, raw, expected) => {
    const message = refusal(raw);
    expect(message).toContain(expected);
    expect(message).not.toContain('secret');
  });

  it.each([
    'rtsp://admin:hunter2',
    'rtsp://admin:hunter2@',
    'rtsp://admin:x@hunter!2:554',
    'rtsp://admin:x@cam:hunter2',
    'rtsp://admin:x@hunter2]/a',
    'http://admin:hunter2@cam/a',
    'admin:hunter2@cam',
  ])('never appears in a message with a part that may be its password: %s', (raw) => {
    expect(refusal(raw)).not.toMatch(/hunter/);
  });

  it('is shown without its password', () => {
    expect(parseSourceUrl('rtsp://admin:p@ss:w@cam:8554/a', KNOWN_SCHEMES).masked).toBe('rtsp://admin:***@cam:8554/a');
  });
});

describe('two URLs', () => {
  it.each([
    ['rtsp://cam/a', 'rtsp://cam:554/a', true],
    ['rtsp://admin:x@cam/a?b=1', 'rtsp://CAM/a?b=1', true],
    ['rtsp://admin:p@ss@cam/a', 'rtsp://other:p%2Fss@cam/a', true],
    ['rtsp://cam', 'rtsp://cam/', true],
    ['rtsp://cam/a', 'rtsp://cam/b', false],
    ['rtsp://cam/a?b=1', 'rtsp://cam/a?b=2', false],
    ['rtsp://cam/a', 'rtsp://cam:8554/a', false],
    ['rtsp://cam/a', 'rtsps://cam/a', false],
    ['rtsp://cam/a', 'rtsp://cam2/a', false],
    ['replay:yard?from=1&to=2', 'replay:yard?from=1&to=2', false],
  ])('%s and %s are the same stream: %s', (a, b, same) => {
    expect(isSameStream(parseSourceUrl(a, KNOWN_SCHEMES), parseSourceUrl(b, KNOWN_SCHEMES))).toBe(same);
  });
});

describe('the scheme', () => {
  it.each(['http://169.254.169.254/', 'concat:/a|/b', 'tcp://cam', 'pipe:0', 'data:,', 'cam/live', '', '/etc/passwd'])(
    'of "%s" is refused, with a list of the allowed ones',
    (raw) => {
      const message = refusal(raw);
      expect(message).toContain('rtsp://[user:password@]host');
      expect(message).toContain('file:/absolute/path');
    },
  );

  it('is refused and not listed when the operator has not allowed it', () => {
    const message = refusal('file:/etc/hostname', ['rtsp', 'rtsps']);
    expect(message).toContain('sources.schemes');
    expect(message).not.toContain('file:/absolute');
  });
});

describe('a file', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'chrys-url-'));
    for (const name of ['clip.mp4', 'two words.mp4', '100%25.mp4', 'secret.mp4'])
      writeFileSync(join(folder, name), 'x');
    mkdirSync(join(folder, 'folder.mp4'));
    symlinkSync(join(folder, 'clip.mp4'), join(folder, 'link.mp4'));
    chmodSync(join(folder, 'secret.mp4'), 0);
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it.each([
    ['file:FOLDER/clip.mp4', 'clip.mp4'],
    ['file://FOLDER/clip.mp4', 'clip.mp4'],
    ['file://localhostFOLDER/clip.mp4', 'clip.mp4'],
    ['file:FOLDER/two words.mp4', 'two words.mp4'],
    ['file:FOLDER/two%20words.mp4', 'two words.mp4'],
    ['file:FOLDER/100%25.mp4', '100%25.mp4'],
    ['file:FOLDER/x/../clip.mp4', 'clip.mp4'],
    ['file:FOLDER/link.mp4', 'link.mp4'],
  ])('%s is opened as %s', (raw, name) => {
    const path = join(folder, name);
    expect(parseSourceUrl(raw.replace('FOLDER', folder), KNOWN_SCHEMES)).toEqual({
      kind: 'file',
      path,
      masked: `file:${path}`,
    });
  });

  it.each([
    ['that does not exist', 'file:/no/such/clip.mp4', 'no such file'],
    ['with a relative path', 'file:clip.mp4', 'absolute path'],
    ['on another host', 'file://server/clip.mp4', 'absolute path'],
    ['that is a device', 'file:/dev/zero', 'not a regular file'],
    ['with an encoded NUL', 'file:/tmp/a%00b', 'control character'],
  ])('%s is refused', (_what, raw, expected) => {
    expect(refusal(raw)).toContain(expected);
  });

  it('is refused when it is a folder', () => {
    expect(refusal(`file:${folder}/folder.mp4`)).toContain('not a regular file');
  });

  it.skipIf(process.getuid?.() === 0)('is refused when the process may not read it', () => {
    expect(refusal(`file:${folder}/secret.mp4`)).toContain('may not read');
  });

  it('need not exist for a stored camera', () => {
    const source = parseSourceUrl('file:/no/such/clip.mp4', KNOWN_SCHEMES, { checkFile: false });
    expect(source).toMatchObject({ path: '/no/such/clip.mp4' });
  });
});
