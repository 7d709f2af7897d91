#!/usr/bin/env node
// Tests the Dockerfile without Docker: runs its steps in clean Debian roots, starts the result as its user, and runs its
// health check. Needs root, mmdebstrap and about 4 GB below $TMPDIR; takes some minutes.
//
//   bin/prove-dockerfile.js           runs the whole test
//   bin/prove-dockerfile.js --check   only parses the Dockerfile, and checks that all files that it copies exist
//   bin/prove-dockerfile.js --keep    keeps the roots for inspection
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { execForm, readDockerfile, readDockerignore } from './lib/dockerfile.js';

const context = fileURLToPath(new URL('..', import.meta.url));
const ignored = readDockerignore(path.join(context, '.dockerignore'));
const stages = readDockerfile(path.join(context, 'Dockerfile'));
const started = Date.now();
const say = (text) => console.log(`[${((Date.now() - started) / 1000).toFixed(0).padStart(4)} s] ${text}`);

// ------------------------------------------------------------------------------------------------ the base image

/** Makes a root like the image node:<major>-bookworm-slim: a minimal Debian 12, with Node and npm below /usr/local. */
function makeBase(image, folder) {
  const [, major] = /^node:(\d+)-bookworm-slim$/.exec(image) ?? [];
  if (major === undefined) throw new Error(`The base image ${image} is not supported; use node:<major>-bookworm-slim.`);
  say(`Making the base image ${image}`);
  const root = path.join(folder, 'base');
  run('mmdebstrap', ['--quiet', '--variant=minbase', 'bookworm', root, ...aptSources()]);

  const packages = path.join(folder, 'packages');
  fs.mkdirSync(packages);
  for (const [name, target] of [
    [`node-linux-${os.arch()}@${major}`, 'usr/local'],
    ['npm@11', 'usr/local/lib/node_modules/npm'],
  ]) {
    const archive = execFileSync('npm', ['pack', '--silent', name], { cwd: packages, encoding: 'utf8' }).trim();
    fs.mkdirSync(path.join(root, target), { recursive: true });
    run('tar', ['-xzf', path.join(packages, archive), '--strip-components=1', '-C', path.join(root, target)]);
  }
  for (const name of ['npm', 'npx']) {
    fs.symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, path.join(root, 'usr/local/bin', name));
  }
  useThisNetwork(root);
  return root;
}

/** The Debian 12 sources of this machine, for mmdebstrap. Empty: the default of mmdebstrap. */
function aptSources() {
  const folder = '/etc/apt/sources.list.d';
  const files = [
    '/etc/apt/sources.list',
    ...(fs.existsSync(folder) ? fs.readdirSync(folder) : []).map((name) => path.join(folder, name)),
  ];
  return files.filter(
    (file) =>
      fs.existsSync(file) &&
      /\bbookworm\b.*\bmain\b|^Suites:.*\bbookworm\b/ms.test(fs.readFileSync(file, 'utf8')) &&
      file.includes('debian'),
  );
}

/** Copies the network settings of this machine: name server, npm registry, certificates. */
function useThisNetwork(root) {
  fs.copyFileSync('/etc/resolv.conf', path.join(root, 'etc/resolv.conf'));
  fs.copyFileSync('/etc/hosts', path.join(root, 'etc/hosts'));
  const settings = [];
  for (const key of ['registry', 'proxy', 'https-proxy', 'noproxy']) {
    const value = execFileSync('npm', ['config', 'get', key], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
    if (value !== '' && value !== 'null') settings.push(`${key}=${value}`);
  }
  const certificates = process.env.NODE_EXTRA_CA_CERTS;
  if (certificates !== undefined) {
    fs.copyFileSync(certificates, path.join(root, 'usr/local/etc/certificates.pem'));
    settings.push('cafile=/usr/local/etc/certificates.pem');
  }
  fs.writeFileSync(path.join(root, 'usr/local/etc/npmrc'), `${settings.join('\n')}\n`);
}

// ------------------------------------------------------------------------------------------------ steps

function run(program, args, options = {}) {
  const { status, error } = spawnSync(program, args, { stdio: ['ignore', 'inherit', 'inherit'], ...options });
  if (error?.code === 'ENOENT')
    throw new Error(`${program} is missing. Install the Debian package that contains it.`, { cause: error });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: exit status ${status}`);
}

/** The command that starts `command` in a root like Docker: own /proc, only the environment of the image, same process id. */
function inRoot({ root, directory, user, environment }, command) {
  const script =
    'mount -t proc proc "$1/proc" && root=$1 user=$2 && shift 2 && exec chroot --userspec="$user" "$root" "$@"';
  const variables = Object.entries({
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    ...environment,
  });
  const inside = [
    'env',
    '-i',
    `--chdir=${directory}`,
    ...variables.map(([name, value]) => `${name}=${value}`),
    ...command,
  ];
  return ['unshare', ['--mount', 'sh', '-ec', script, 'sh', root, `${user}:${user}`, ...inside]];
}

/** COPY sources... target: copies files to a folder or to a new name, and the content of a folder to the target. */
function copy(from, root, directory, words, isLeftOut) {
  const target = words.pop();
  const destination = path.join(root, path.resolve(directory, target));
  for (const source of words.flatMap((word) => matching(from, word))) {
    const whole = path.join(from, source);
    const isFolder = fs.statSync(whole).isDirectory();
    const into = !isFolder && (target.endsWith('/') || words.length > 1);
    fs.cpSync(whole, into ? path.join(destination, path.basename(source)) : destination, {
      recursive: true,
      verbatimSymlinks: true,
      filter: (file) => fs.statSync(file).isDirectory() || !isLeftOut(path.relative(from, file)),
    });
  }
}

/** The paths below `from` that match one word of a COPY. No match is an error, as for Docker. */
function matching(from, word) {
  const folder = path.dirname(word);
  const name = new RegExp(
    `^${path
      .basename(word)
      .replaceAll('.', String.raw`\.`)
      .replaceAll('*', '.*')}$`,
  );
  const found = fs.existsSync(path.join(from, folder))
    ? fs.readdirSync(path.join(from, folder)).filter((entry) => name.test(entry))
    : [];
  if (found.length === 0) throw new Error(`Dockerfile: There is no ${word} to copy.`);
  return found.map((entry) => path.join(folder, entry));
}

/** Runs one stage, and returns its image. */
function buildStage(stage, base, folder, built) {
  const root = path.join(folder, `stage-${stage.name}`);
  run('cp', ['--archive', '--reflink=auto', base, root]);
  const image = { root, directory: '/', user: 'root', environment: {}, entrypoint: [], command: [], health: undefined };
  for (const { instruction, options, text } of stage.steps) {
    say(`${stage.name}: ${instruction} ${text}`);
    switch (instruction) {
      case 'WORKDIR':
        image.directory = path.posix.resolve(image.directory, text);
        fs.mkdirSync(path.join(root, image.directory), { recursive: true });
        break;
      case 'COPY':
        if (options.from === undefined) copy(context, root, image.directory, text.split(/\s+/), ignored);
        else {
          const words = text.split(/\s+/).map((word) => word.replace(/^\//, ''));
          copy(
            built.get(options.from).root,
            root,
            image.directory,
            [...words.slice(0, -1), text.split(/\s+/).at(-1)],
            () => false,
          );
        }
        break;
      case 'RUN':
        run(...inRoot(image, ['/bin/sh', '-c', text]));
        break;
      case 'ENV':
        image.environment[text.slice(0, text.indexOf('='))] = text.slice(text.indexOf('=') + 1);
        break;
      case 'USER':
        image.user = text;
        break;
      case 'HEALTHCHECK':
        image.health = execForm(text.replace(/^CMD\s+/, ''));
        break;
      case 'ENTRYPOINT':
        image.entrypoint = execForm(text);
        break;
      case 'CMD':
        image.command = execForm(text);
        break;
      case 'EXPOSE':
      case 'VOLUME':
        break;
      default:
        throw new Error(`Dockerfile: bin/prove-dockerfile.js does not support ${instruction}.`);
    }
  }
  return image;
}

// ------------------------------------------------------------------------------------------------ the test

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}

/** The body that `url` answers with. Retries for 20 s while the answer is an error. */
async function fetchSoon(url) {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const answer = await fetch(url);
    const body = Buffer.from(await answer.arrayBuffer());
    if (answer.ok) return body;
    if (Date.now() > deadline) throw new Error(`GET ${url}: ${answer.status} ${body.toString()}`);
    await delay(500);
  }
}

/**
 * Like `docker run … start … --demo`, the health check, a snapshot of the demo camera (which needs capture, FFmpeg and
 * SQLite), and `docker stop`.
 */
async function prove(image) {
  const port = await freePort();
  const environment = {
    ...image.environment,
    CHRYSPROXY_PORT: port,
    CHRYSPROXY_GRPC_PORT: await freePort(),
    CHRYSPROXY_SOURCES_SCHEMES: 'file',
  };
  const container = { ...image, environment };
  const command = [...image.entrypoint, ...image.command, '--demo'];
  say(`Starting ${command.join(' ')} as ${image.user}`);
  const proxy = spawn(...inRoot(container, command), { stdio: ['ignore', 'inherit', 'inherit'] });
  const ended = once(proxy, 'exit');
  try {
    const deadline = Date.now() + 60_000;
    while (spawnSync(...inRoot(container, image.health)).status !== 0) {
      if (proxy.exitCode !== null) throw new Error(`The proxy ended with exit status ${proxy.exitCode}.`);
      if (Date.now() > deadline) throw new Error('The health check did not succeed within 60 s.');
      await delay(500);
    }
    say('The health check of the Dockerfile succeeds.');
    const user = /^Uid:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${proxy.pid}/status`, 'utf8'))[1];
    if (user === '0') throw new Error('The proxy runs as root.');
    const health = await fetchSoon(`http://127.0.0.1:${port}/healthz`);
    say(`GET /healthz: ${health.toString()} (process of user ${user})`);
    const picture = await fetchSoon(`http://127.0.0.1:${port}/api/v1/process/demo/snapshot.jpg`);
    if (picture.readUInt16BE(0) !== 0xffd8) throw new Error('The snapshot of the demo camera is not a JPEG.');
    say(`GET /api/v1/process/demo/snapshot.jpg: ${picture.length} bytes`);
  } finally {
    proxy.kill('SIGTERM');
    const late = setTimeout(() => proxy.kill('SIGKILL'), 10_000);
    const [status, signal] = await ended;
    clearTimeout(late);
    say(`After SIGTERM: exit status ${status ?? signal}`);
  }
  if (proxy.exitCode !== 0) throw new Error('The proxy did not exit cleanly within 10 s after SIGTERM.');
}

/** Checks without a build that every copied file exists and is not excluded by .dockerignore. */
function check() {
  for (const { instruction, options, text } of stages.flatMap((stage) => stage.steps)) {
    if (instruction !== 'COPY' || options.from !== undefined) continue;
    for (const source of text
      .split(/\s+/)
      .slice(0, -1)
      .flatMap((word) => matching(context, word))) {
      if (ignored(source)) throw new Error(`.dockerignore excludes ${source}, which the Dockerfile copies.`);
    }
  }
  say('The Dockerfile is valid, and all files that it copies exist.');
}

check();
if (!process.argv.includes('--check')) {
  if (process.getuid() !== 0)
    throw new Error('Run bin/prove-dockerfile.js as root: it makes Debian roots and runs commands in them.');
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'prove-dockerfile-'));
  try {
    const bases = new Map();
    const built = new Map();
    for (const stage of stages) {
      if (!bases.has(stage.image)) bases.set(stage.image, makeBase(stage.image, folder));
      built.set(stage.name, buildStage(stage, bases.get(stage.image), folder, built));
    }
    const last = [...built.values()].at(-1);
    const size = execFileSync('du', ['-sm', last.root], { encoding: 'utf8' }).split('\t')[0];
    say(`The image has ${size} MB.`);
    await prove(last);
    say('The Dockerfile works.');
  } finally {
    if (process.argv.includes('--keep')) say(`The roots are in ${folder}.`);
    else fs.rmSync(folder, { recursive: true, force: true });
  }
}
