/** Cost of Annotate. A call is answered when its annotation survives a power cut. */
import { mkdirSync } from 'node:fs';
import { ANNOTATION_NAMES } from '../../src/annotations/annotation-names.js';
import { QueueDatabase } from '../../src/outbox/queue-database.js';
import { AnnotationReceiver } from '../support/annotation-receiver.js';
import { annotate, annotationsStatus, KEYS } from '../support/annotations.js';
import { ImageClient } from '../support/grpc-client.js';
import { Proxy, type ProxyOptions } from '../support/proxy.js';
import { pause, waitFor } from '../support/wait.js';
import { ms, SECONDS } from './harness.js';
import { coresOf } from './measure.js';
import type { Row } from './report.js';

const CLIENTS = 16;
/** Calls after which V8 has compiled the code. */
const WARM_UP_CALLS = 8000;
const EMPTY_BOUND_MS = 120_000;
/** Duration of the calls whose CPU is compared with that of an earlier commit. */
const CALL_SECONDS = 8;

/** An annotation of a detector: 600 bytes of JSON. */
const DETECTION = {
  object_type: 'person',
  object_tracking_id: 'track-0815',
  confidence: 0.87,
  object_bouding_box: { top: 120, left: 64, width: 80, height: 200 },
  object_signature: Array.from({ length: 16 }, (_, index) => index / 7),
  ml_model: 'detector',
  ml_model_version: '8.1',
  width: 1920,
  height: 1080,
};

/** The duration of each call, in milliseconds, ascending. Each client has its own camera and makes one call at a time. */
async function annotateWhile(clients: readonly ImageClient[], goOn: (calls: number) => boolean): Promise<number[]> {
  const took: number[] = [];
  let calls = 0;
  await Promise.all(
    clients.map(async (client, index) => {
      while (goOn(calls)) {
        calls += 1;
        const startMs = performance.now();
        await annotate(client, `camera-${index}`, DETECTION);
        took.push(performance.now() - startMs);
      }
    }),
  );
  return took.sort((one, other) => one - other);
}

const forSeconds = (seconds: number): (() => boolean) => {
  const endMs = performance.now() + seconds * 1000;
  return () => performance.now() < endMs;
};

function connect(proxy: Proxy): ImageClient[] {
  return Array.from({ length: CLIENTS }, () => new ImageClient(proxy.grpcAddress, 'unary'));
}

interface AnnotateRun {
  /** Durations of the calls in milliseconds, ascending. */
  readonly took: readonly number[];
  readonly cores: number;
  /** Calls per second. */
  readonly rate: number;
  /** Annotations that waited to be sent when the calls ended. */
  readonly queued: number;
  readonly complaints: number;
}

/** Calls Annotate for some seconds while the proxy sends the annotations on, and waits until all are delivered. */
async function annotateFor(seconds: number, options: ProxyOptions = {}): Promise<AnnotateRun> {
  const receiver = await AnnotationReceiver.start();
  const proxy = await Proxy.start({ ...options, config: { annotation: { endpoint: receiver.url } } });
  try {
    await proxy.rest('POST', '/api/v1/settings', KEYS);
    const clients = connect(proxy);
    await annotateWhile(clients, (calls) => calls < WARM_UP_CALLS);
    const [took, used] = await Promise.all([
      annotateWhile(clients, forSeconds(seconds)),
      coresOf([proxy.pid], seconds),
    ]);
    const { queued } = await annotationsStatus(proxy);
    await waitFor('all to be delivered', EMPTY_BOUND_MS, async () => (await annotationsStatus(proxy)).queued === 0);
    for (const client of clients) client.close();
    const complaints = receiver.complaints.length;
    return { took, cores: used, rate: took.length / seconds, queued, complaints };
  } finally {
    await proxy.dispose();
    await receiver.stop();
  }
}

/** CPU time of a call in milliseconds, with everything that the proxy does for it. */
export async function cpuOfCall(options: ProxyOptions): Promise<number> {
  const { cores, rate } = await annotateFor(CALL_SECONDS, options);
  return (cores * 1000) / rate;
}

export async function benchAnnotate(): Promise<Row[]> {
  const { took, cores, rate, queued, complaints } = await annotateFor(SECONDS / 2);
  const at = (share: number): number => took[Math.floor(took.length * share)] ?? NaN;
  const work = `Annotate, ${CLIENTS} clients, sent on meanwhile:`;
  return [
    {
      work: `${work} calls a second`,
      ours: `${rate.toFixed(0)}/s; ${queued} waited at the end, ${complaints} complaints`,
      peer: '',
      value: rate,
      bar: { min: 2000 },
    },
    {
      work: `${work} p99, ms`,
      ours: `${ms(at(0.99))}, median ${ms(at(0.5))}`,
      peer: '',
      value: at(0.99),
      bar: { max: 50 },
    },
    {
      work: `${work} CPU of a call, ms`,
      ours: ms((cores * 1000) / rate),
      peer: '',
      value: (cores * 1000) / rate,
      bar: {},
    },
  ];
}

const QUEUED = 1_000_000;
const TURN_SECONDS = 2;
const FILLED_AT_ONCE = 5000;

/** Annotations that the proxy stores in days without a cloud. */
function fill(dataDir: string, count: number): void {
  mkdirSync(dataDir, { recursive: true });
  const queue = new QueueDatabase(dataDir, ANNOTATION_NAMES);
  const nowMs = Date.now();
  for (let first = 0; first < count; first += FILLED_AT_ONCE) {
    const some = Array.from({ length: Math.min(FILLED_AT_ONCE, count - first) }, (_, index) => {
      const number = first + index;
      const id = `0190aaaa-0000-7000-8000-${String(number).padStart(12, '0')}`;
      const camera = `camera-${number % CLIENTS}`;
      const start = nowMs - count + number;
      const json = JSON.stringify({ id, device_name: camera, type: 'moving', start_timestamp: start, ...DETECTION });
      return { id, camera, type: 'moving', startMs: start, storedMs: start, json };
    });
    queue.add(some, 'queued');
  }
  queue.close();
}

/** A proxy without a cloud and with `count` queued annotations. */
async function startFilled(count: number): Promise<Proxy> {
  const proxy = await Proxy.start({
    config: { annotation: { endpoint: 'http://127.0.0.1:1/', max_queue: 100_000_000 } },
  });
  await proxy.end();
  fill(proxy.dataDir, count);
  await proxy.resume();
  await proxy.rest('POST', '/api/v1/settings', KEYS);
  return proxy;
}

/** Measures both alternately, so that a change of the machine's speed affects both. */
export async function benchAnnotationQueue(): Promise<Row[]> {
  const proxies: Proxy[] = [];
  try {
    for (const count of [1, QUEUED]) proxies.push(await startFilled(count));
    const clients = proxies.map(connect);
    for (const some of clients) await annotateWhile(some, (calls) => calls < WARM_UP_CALLS);
    // The disk writes what filling has left.
    await pause(5000);
    const calls = [0, 0];
    const turns = Math.max(4, Math.round(SECONDS / 2 / TURN_SECONDS));
    for (let turn = 0; turn < turns; turn += 1) {
      for (const [index, some] of clients.entries()) {
        calls[index] = (calls[index] ?? 0) + (await annotateWhile(some, forSeconds(TURN_SECONDS))).length;
      }
    }
    for (const client of clients.flat()) client.close();
    const [few = NaN, many = NaN] = calls.map((count) => (turns * TURN_SECONDS * 1000) / count);
    return [
      {
        work: `time for each annotation with ${QUEUED} queued, against 1`,
        ours: `${many.toFixed(3)} ms`,
        peer: `${few.toFixed(3)} ms`,
        value: many / few,
        bar: { max: 1.25 },
      },
    ];
  } finally {
    for (const proxy of proxies) await proxy.dispose();
  }
}
