/** Recording, the list of segments, and clips. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';

import { prepareSegmentIndex, SegmentIndex } from '../../src/database/segment-index.js';
import { makeClip } from '../farm/clips.js';
import { ImageClient } from '../support/grpc-client.js';
import { Proxy } from '../support/proxy.js';
import { pause, waitFor } from '../support/wait.js';
import { cores, HD, ms, percent, SECONDS, SETTLE_MS, WARM_UP_MS, withFarm, withProxy } from './harness.js';
import { coresOf } from './measure.js';
import { end, startFfmpegSegments } from './peers.js';
import { makeSegments } from './recorded-day.js';
import type { Row } from './report.js';

const CAMERAS = 16;
const CAMERA = 'yard';
const BOUND_MS = 120_000;
const ROUNDS = 5;
const KEPT_LONG = { on_disk_clean_older_than: '7d' };

export async function benchRecord(): Promise<Row[]> {
  return await withFarm(HD, CAMERAS, async (farm, names) => {
    const ours = await withProxy(
      farm,
      names,
      async (proxy) => {
        for (const name of names) await proxy.cameraIsRunning(name, BOUND_MS);
        await pause(SETTLE_MS);
        const before = await recordedBy(proxy, names);
        const used = await coresOf([proxy.pid], SECONDS);
        const after = await recordedBy(proxy, names);
        return { used, segments: after.segments - before.segments, lost: after.lost };
      },
      { config: { buffer: { on_disk: true, ...KEPT_LONG } } },
    );
    const folder = mkdtempSync(join(tmpdir(), 'chrysproxy-bench-'));
    const peers = names.map((name) => startFfmpegSegments(farm.url(name), join(folder, name)));
    await pause(WARM_UP_MS);
    const theirs = await coresOf(
      peers.map((peer) => peer.pid ?? 0),
      SECONDS,
    );
    await end(peers);
    rmSync(folder, { recursive: true });
    const work = `${CAMERAS} × 1080p25 recorded:`;
    const due = (CAMERAS * SECONDS) / 2;
    return [
      {
        work: `${work} CPU`,
        ours: cores(ours.used),
        peer: `${cores(theirs)} (ffmpeg -c copy -f segment)`,
        value: ours.used / theirs,
        bar: { max: 1.3 },
      },
      {
        work: `${work} segments of those due`,
        ours: percent(ours.segments / due),
        peer: '',
        value: ours.segments / due,
        bar: { min: 0.9 },
      },
      { work: `${work} groups lost`, ours: String(ours.lost), peer: '', value: ours.lost, bar: { max: 0 } },
    ];
  });
}

async function recordedBy(proxy: Proxy, names: readonly string[]): Promise<{ segments: number; lost: number }> {
  const sum = { segments: 0, lost: 0 };
  for (const name of names) {
    const { recording } = (await proxy.camera(name)).chrysproxy;
    sum.segments += recording.segments;
    sum.lost += recording.lost_groups;
  }
  return sum;
}

/** Segments of a day, 2 s each. */
const DAY_SEGMENTS = 43_200;
const SEGMENT_US = 2_000_000;

/** The list of a day's segments, against SQLite alone that reads the same rows into the same JSON. */
export async function benchSegments(): Promise<Row[]> {
  return await withRecorded(
    (dataDir) => {
      fillDay(dataDir);
      return DAY_SEGMENTS;
    },
    async (proxy) => {
      const address = `${proxy.restUrl}/api/v1/process/${CAMERA}/segments`;
      const all = (limit: number) => async (): Promise<number> => {
        let rows = 0;
        for (let after: number | null = 0; after !== null;) {
          const text = await (await fetch(`${address}?limit=${limit}&after=${after}`)).text();
          // Without the time that the client needs for reading.
          rows += text.split('"id":').length - 1;
          const next: string = /"next":(\d+|null)\}$/.exec(text)?.[1] ?? '';
          after = next === 'null' ? null : Number(next);
        }
        return rows;
      };
      const database = new Database(join(proxy.dataDir, 'recordings.db'), { readonly: true });
      const select = database.prepare(
        'SELECT * FROM segments WHERE camera = ? AND start_us > ? ORDER BY start_us LIMIT ?',
      );
      const scan = (limit: number) => (): number => {
        const rows = select.all(CAMERA, 0, limit);
        return JSON.stringify(rows).length > 0 ? rows.length : 0;
      };
      const page = async (): Promise<number> => {
        const text = await (await fetch(`${address}?limit=1000`)).text();
        return text.split('"id":').length - 1;
      };
      const [paged, one] = [await timed(all(1000), DAY_SEGMENTS), await timed(page, 1000)];
      const [scanned, scannedOne] = [await timed(scan(DAY_SEGMENTS), DAY_SEGMENTS), await timed(scan(1000), 1000)];
      const alone = await longestWait(proxy, () => pause(1000));
      const meanwhile = await longestWait(proxy, () => listElsewhere(address, 1000));
      database.close();
      const work = `${DAY_SEGMENTS} segments of a day`;
      const row = (what: string, our: number, their: number, bar: Row['bar']): Row => {
        return {
          work: `${work}, ${what}`,
          ours: ms(our),
          peer: `${ms(their)} (SQLite and JSON)`,
          value: our / their,
          bar,
        };
      };
      return [
        row('all in pages of 1000', paged, scanned, { max: 2 }),
        row('a page of 1000', one, scannedOne, {}),
        {
          work: `${work}, longest wait (ms) of others beyond that of an idle proxy, in pages of 1000`,
          ours: ms(meanwhile),
          peer: `${ms(alone)} (idle)`,
          value: Math.max(0, meanwhile - alone),
          bar: { max: 20 },
        },
      ];
    },
  );
}

/** Rows of the last 24 hours. Their files are empty, because they are not read. */
function fillDay(dataDir: string): void {
  const folder = join(dataDir, 'archive', CAMERA);
  mkdirSync(folder, { recursive: true });
  prepareSegmentIndex(dataDir);
  const index = new SegmentIndex(dataDir, 'write');
  const writer = index.writer();
  const beginUs = Date.now() * 1000 - DAY_SEGMENTS * SEGMENT_US;
  for (let at = 0; at < DAY_SEGMENTS; at += 1) {
    const startUs = beginUs + at * SEGMENT_US;
    const file = `${Math.floor(startUs / 1000)}_2000.mp4`;
    writeFileSync(join(folder, file), '');
    writer.insert(CAMERA, file, {
      startUs,
      lastUs: startUs + SEGMENT_US - 40_000,
      durationUs: SEGMENT_US,
      bytes: 1_290_000 + at,
      frames: 50,
      firstSequence: 4_294_967_297 + at * 50,
      endSequence: 4_294_967_347 + at * 50,
      connection: 1,
      codecName: 'h264',
      width: 1920,
      height: 1080,
      keyframesUs: [startUs],
      audio: false,
    });
  }
  index.close();
}

const CLIP_SEGMENTS = 300;
const CLIP_SECONDS = 600;

/** One mp4 of ten minutes, against FFmpeg that joins the same files into a pipe. */
export async function benchClip(): Promise<Row[]> {
  let paths: readonly string[] = [];
  let fromMs = 0;
  return await withRecorded(
    async (dataDir) => {
      makeClip(HD);
      fromMs = Date.now() - 2 * CLIP_SECONDS * 1000;
      paths = await makeSegments(HD, join(dataDir, 'archive', CAMERA), CLIP_SEGMENTS, fromMs * 1000);
      return CLIP_SEGMENTS;
    },
    async (proxy) => {
      const list = join(proxy.folder, 'list.txt');
      writeFileSync(list, paths.map((path) => `file '${path}'\n`).join(''));
      const address = `${proxy.restUrl}/api/v1/process/${CAMERA}/clip.mp4?from=${fromMs}&to=${fromMs + CLIP_SECONDS * 1000}`;
      const ours: Flow[] = [];
      const theirs: Flow[] = [];
      for (let round = 0; round <= ROUNDS; round += 1) {
        const our = await flowOf(address);
        const their = await flowOfFfmpeg(list);
        if (our.bytes < 0.98 * their.bytes)
          throw new Error(`a clip of ${our.bytes} bytes, and ffmpeg's has ${their.bytes}`);
        // The first run fills caches.
        if (round > 0) [ours, theirs].forEach((flows, index) => flows.push(index === 0 ? our : their));
      }
      const rate = ({ bytes, milliseconds }: Flow): number => bytes / 1e3 / milliseconds;
      const [our, their] = [median(ours.map(rate)), median(theirs.map(rate))];
      const first = median(ours.map(({ firstMs }) => firstMs));
      return [
        {
          work: 'a clip of 10 minutes 1080p: ms to the first byte',
          ours: ms(first),
          peer: ms(median(theirs.map(({ firstMs }) => firstMs))),
          value: first,
          bar: { max: 200 },
        },
        {
          work: 'a clip of 10 minutes 1080p: throughput',
          ours: `${our.toFixed(0)} MB/s`,
          peer: `${their.toFixed(0)} MB/s (ffmpeg -f concat -c copy)`,
          value: our / their,
          bar: { min: 0.7 },
        },
      ];
    },
  );
}

interface Flow {
  readonly bytes: number;
  readonly firstMs: number;
  readonly milliseconds: number;
}

async function flow(begin: () => Promise<AsyncIterable<Uint8Array>>): Promise<Flow> {
  const startMs = performance.now();
  let firstMs = 0;
  let bytes = 0;
  for await (const chunk of await begin()) {
    if (bytes === 0) firstMs = performance.now() - startMs;
    bytes += chunk.length;
  }
  return { bytes, firstMs, milliseconds: performance.now() - startMs };
}

function flowOf(address: string): Promise<Flow> {
  return flow(async () => {
    const { body, status } = await fetch(address);
    if (status !== 200 || body === null) throw new Error(`${address} answers ${status}`);
    return body;
  });
}

function flowOfFfmpeg(list: string): Promise<Flow> {
  const output = ['-c', 'copy', '-movflags', 'frag_keyframe+empty_moov', '-f', 'mp4', 'pipe:1'];
  const args = ['-nostdin', '-v', 'error', '-f', 'concat', '-safe', '0', '-i', list, ...output];
  return flow(() => Promise.resolve(spawn('ffmpeg', args, { stdio: ['ignore', 'pipe', 'inherit'] }).stdout));
}

/** A proxy whose data directory is filled with segments before it starts. */
async function withRecorded(
  fill: (dataDir: string) => number | Promise<number>,
  body: (proxy: Proxy) => Promise<Row[]>,
): Promise<Row[]> {
  const proxy = await Proxy.start({ config: { buffer: KEPT_LONG } });
  try {
    await proxy.end();
    const segments = await fill(proxy.dataDir);
    await proxy.resume();
    await waitFor('the index', BOUND_MS, async () => {
      const { text } = await proxy.rest('GET', '/api/v1/recordings');
      return (JSON.parse(text) as { segments: number }).segments === segments;
    });
    // By then the check at the start is done.
    await proxy.rest('POST', '/api/v1/recordings/check').catch(() => undefined);
    await pause(SETTLE_MS);
    return await body(proxy);
  } finally {
    await proxy.dispose();
  }
}

/** Median duration of several runs, milliseconds. */
async function timed(action: () => number | Promise<number>, due: number): Promise<number> {
  const took: number[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const startMs = performance.now();
    const rows = await action();
    if (rows !== due) throw new Error(`${rows} rows, and ${due} there should be`);
    if (round > 0) took.push(performance.now() - startMs);
  }
  return median(took);
}

/** Reads the whole list in another process, so that this process can measure the time exactly. */
async function listElsewhere(address: string, limit: number): Promise<void> {
  const script = `
    for (let after = '0'; after !== 'null'; ) {
      const text = await (await fetch(process.argv[1] + after)).text();
      after = /"next":(\\d+|null)\\}$/.exec(text)[1];
    }`;
  const url = `${address}?limit=${limit}&after=`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, url], { stdio: 'inherit' });
  const code = await new Promise((resolve) => child.once('exit', resolve));
  if (code !== 0) throw new Error(`listing ended with ${String(code)}`);
}

/** Maximum time that another request waits during `action`: how long the event loop is blocked. */
async function longestWait(proxy: Proxy, action: () => Promise<unknown>): Promise<number> {
  const client = new ImageClient(proxy.grpcAddress, 'unary');
  const asking = { done: false, longest: 0 };
  const asked = (async () => {
    while (!asking.done) {
      const startMs = performance.now();
      await client.unary('SystemTime', {});
      asking.longest = Math.max(asking.longest, performance.now() - startMs);
    }
  })();
  await action();
  asking.done = true;
  await asked;
  client.close();
  return asking.longest;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}
