/** Certificates of test CAs, made by openssl. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

const DAY = 86_400_000;

export class CertificateAuthority {
  readonly cert: string;
  readonly #key: string;

  /** Writes its files into `folder`. */
  constructor(
    private readonly folder: string,
    name: string,
  ) {
    this.cert = join(folder, `${name}.pem`);
    this.#key = join(folder, `${name}.key`);
    const about = ['-subj', `/CN=${name}`, '-keyout', this.#key, '-out', this.cert, '-days', '10'];
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', ...about);
  }

  /** A certificate for 127.0.0.1 and localhost, for clients and servers. */
  sign(name: string, { days = 5 } = {}): CertificateFiles {
    const at = (suffix: string): string => join(this.folder, `${name}.${suffix}`);
    const [cert, key, request, extensions] = [at('pem'), at('key'), at('csr'), at('ext')];
    const files = ['-keyout', key, '-out', request];
    openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${name}`, ...files);
    writeFileSync(extensions, 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
    const [from, to] = days > 0 ? [-DAY, days * DAY] : [(days - 1) * DAY, days * DAY];
    const database = at('db');
    writeFileSync(database, '');
    const config = at('cnf');
    writeFileSync(
      config,
      `[ca]\ndefault_ca=us\n[us]\ndatabase=${database}\nnew_certs_dir=${this.folder}\nrand_serial=yes\n` +
        'default_md=sha256\npolicy=any\nunique_subject=no\n[any]\ncommonName=supplied\n',
    );
    const signing = ['-cert', this.cert, '-keyfile', this.#key, '-in', request, '-out', cert, '-notext', '-batch'];
    openssl(
      'ca',
      '-config',
      config,
      ...signing,
      '-extfile',
      extensions,
      '-startdate',
      moment(from),
      '-enddate',
      moment(to),
    );
    return { cert, key };
  }
}

function moment(fromNowMs: number): string {
  return new Date(Date.now() + fromNowMs).toISOString().replaceAll(/[-:T]|\.\d+/g, '');
}

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: 'pipe' });
}
