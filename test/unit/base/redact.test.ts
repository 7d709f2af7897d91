import { describe, expect, it } from 'vitest';
import { redact, redactSecrets, redactUrl, secretsOf } from '../../../src/base/redact.js';
import { MAX_URL_CHARACTERS } from '../../../src/base/url-limit.js';

const PASSWORDS = ['secret', 'p@ss', 'sec/ret', 'a:b', 'p%40ss', '12@34/56:78', 'x?y', 'x#y', 'quo"te', '://x'];

describe('a text with a URL of the maximum length', () => {
  it('has its password masked', () => {
    const password = 'p'.repeat(MAX_URL_CHARACTERS - 'rtsp://u:@host/'.length);
    expect(redact(`cannot open rtsp://u:${password}@host/`)).toBe('cannot open rtsp://u:***@host/');
  });
});

describe('redactUrl', () => {
  it.each(PASSWORDS)('masks the password %j and keeps the rest', (password) => {
    expect(redactUrl(`rtsp://admin:${password}@10.0.0.1:554/live/main`)).toBe(
      'rtsp://admin:***@10.0.0.1:554/live/main',
    );
  });

  it('masks a password with white space', () => {
    expect(redactUrl('rtsp://admin:my dog@cam/1')).toBe('rtsp://admin:***@cam/1');
  });

  it.each([
    'rtsp://10.0.0.1:554/live',
    'rtsp://user@cam.example/live',
    'rtsp://10.0.0.1:554/live@main',
    'rtsp://[fe80::1]:554/live@main',
    'rtsp://localhost/live@main:1',
    'file:///srv/video.mp4',
    '',
  ])('leaves %j alone', (url) => {
    expect(redactUrl(url)).toBe(url);
  });

  it.each([
    ['http://cam/v?user=a&password=geheim', 'http://cam/v?user=a&password=***'],
    ['http://cam/v?PWD=geheim&channel=1', 'http://cam/v?PWD=***&channel=1'],
    ['http://cam/v?api_key=geheim;x=1', 'http://cam/v?api_key=***'],
    ['http://cam/v?access_token=geheim#part', 'http://cam/v?access_token=***'],
    ['rtsp://cam/user=admin&passwd=geheim&channel=1', 'rtsp://cam/user=admin&passwd=***&channel=1'],
    ['rtsp://cam/user=admin_password=geheim_channel=1', 'rtsp://cam/user=admin_password=***'],
  ])('masks secret parameters: %j', (url, masked) => {
    expect(redactUrl(url)).toBe(masked);
  });
});

describe('redact', () => {
  it.each(PASSWORDS)('masks the password %j inside a sentence', (password) => {
    const text = redact(`cannot open "rtsp://admin:${password}@10.0.0.1/live": refused (mail admin@example.org)`);
    expect(text).toBe('cannot open "rtsp://admin:***@10.0.0.1/live": refused (mail admin@example.org)');
  });

  it('masks every URL of a text', () => {
    expect(redact('rtsp://a:one@h1/x and RTSP://b:two@h2/y')).toBe('rtsp://a:***@h1/x and RTSP://b:***@h2/y');
  });

  it('masks a URL that is percent-encoded as a whole', () => {
    expect(redact('GET /probe?url=rtsp%3A%2F%2Fadmin%3Ageheim%40cam%2Flive 200')).toBe(
      'GET /probe?url=rtsp%3A%2F%2Fadmin%3A***%40cam%2Flive 200',
    );
  });

  it.each([
    [
      'GET http://127.0.0.1:8080/probe?url=rtsp://admin:geheim@cam/live',
      'GET http://127.0.0.1:8080/probe?url=rtsp://admin:***@cam/live',
    ],
    ['http://localhost/x,rtsp://a:geheim@h/1', 'http://localhost/x,rtsp://a:***@h/1'],
  ])('masks a URL inside the URL of %j', (text, masked) => {
    expect(redact(text)).toBe(masked);
  });

  it('masks an Authorization header', () => {
    expect(redact('Authorization: Basic YWRtaW46Z2VoZWlt\r\nCSeq: 2')).toBe('Authorization: ***\r\nCSeq: 2');
  });

  it('does not change a description of the form of a URL', () => {
    const text = 'allowed are rtsp://[user:password@]host[:port]/path, file:/absolute/path';
    expect(redact(text)).toBe(text);
  });

  it('does not change ordinary text', () => {
    const text = 'camera "yard" runs at 25 fps, a keyframe every 50 packets; see http://127.0.0.1:8080/';
    expect(redact(text)).toBe(text);
  });
});

describe('secretsOf and redactSecrets', () => {
  it('returns the raw and the decoded password, longest first', () => {
    expect(secretsOf('rtsp://u:p%40ss@cam/1')).toEqual(['p%40ss', 'p@ss']);
  });

  it('returns secret parameters, and nothing for a URL without secrets', () => {
    expect(secretsOf('http://cam/v?a=1&password=x%20y')).toEqual(['x%20y', 'x y']);
    expect(secretsOf('rtsp://10.0.0.1:554/a@b')).toEqual([]);
  });

  it('does not fail on a malformed percent-encoding', () => {
    expect(secretsOf('rtsp://u:100%@cam/1')).toEqual(['100%']);
  });

  it('masks the bare password in a text', () => {
    const secrets = secretsOf('rtsp://u:p%40ss.*@cam/1');
    expect(redactSecrets('tried p@ss.* and p%40ss.*', secrets)).toBe('tried *** and ***');
  });

  it('masks a very short password only where it is a separate word', () => {
    expect(redactSecrets('password 1 on port 1554', ['1'])).toBe('password *** on port 1554');
  });
});

describe('a hostile text', () => {
  it.each([['a'.repeat(200_000)], ['_pass'.repeat(20_000)], ['%3a%2f%2f'.repeat(10_000)], ['rtsp://'.repeat(10_000)]])(
    'of many characters is read in linear time',
    (text) => {
      const started = performance.now();
      redact(text);
      expect(performance.now() - started).toBeLessThan(3000);
    },
  );
});
