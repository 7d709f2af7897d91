/** How fast a camera is connected, and how fast its pictures arrive. */
import { FakeCameras } from '../farm/fake-camera.js';
import { arrivalsOf } from './capture-of-camera.js';
import { HD, ms, SECONDS } from './harness.js';
import { firstPacketOfFfmpeg, runPython } from './peers.js';
import type { Row } from './report.js';

const ANSWER_DELAY_MS = 50;
const CONNECT_ROUNDS = 5;
const MAX_REQUESTS = 5;
/** Number of pictures that count as the first of a session. */
const FIRST_PICTURES = 3;
const ARRIVAL_SECONDS = 4;
const ARRIVAL_ROUNDS = Math.max(5, Math.round(SECONDS / ARRIVAL_SECONDS));

/** A camera with a password that answers slowly. */
export async function benchConnect(): Promise<Row[]> {
  const auth = { schemes: ['md5'] as const };
  const cameras = await FakeCameras.start({ cam: { auth, rtsp: { answerDelayMs: ANSWER_DELAY_MS } } });
  try {
    const url = cameras.url('cam');
    const sinceOpened = async (firstUs: number | undefined): Promise<number> =>
      ((firstUs ?? NaN) - (await cameras.counts('cam')).openedUs) / 1000;
    const ours: number[] = [];
    const theirs: number[] = [];
    let requests = 0;
    for (let round = 0; round < CONNECT_ROUNDS; round += 1) {
      const [first] = await arrivalsOf(url, 0.5);
      ours.push(await sinceOpened(first));
      requests = Math.max(requests, (await cameras.counts('cam')).requestsToPlay);
      theirs.push(await sinceOpened(await firstPacketOfFfmpeg(url)));
    }
    const { requestsToPlay } = await cameras.counts('cam');
    const [our, their] = [median(ours), median(theirs)];
    return [
      {
        work: 'connecting with a password: requests',
        ours: String(requests),
        peer: `${requestsToPlay} (ffmpeg)`,
        value: requests,
        bar: { max: MAX_REQUESTS },
      },
      {
        work: `connecting with a password, each answer after ${ANSWER_DELAY_MS} ms: time to the first packet`,
        ours: ms(our),
        peer: `${ms(their)} (ffmpeg -c copy)`,
        value: our / their,
        bar: { max: 0.5 },
      },
    ];
  } finally {
    await cameras.stop();
  }
}

/** Time from the last packet of a picture to the packet ring, against a loop that only receives. */
export async function benchArrival(): Promise<Row[]> {
  const cameras = await FakeCameras.start({ cam: { video: { clip: HD } } });
  try {
    const url = cameras.url('cam');
    const delays = async (arrivalsUs: readonly number[]): Promise<number[]> => {
      const { picturesSentUs } = await cameras.counts('cam');
      return arrivalsUs.map((us, at) => us - (picturesSentUs[at] ?? NaN)).filter((us) => !Number.isNaN(us));
    };
    const ours: number[][] = [];
    const theirs: number[][] = [];
    for (let round = 0; round < ARRIVAL_ROUNDS; round += 1) {
      ours.push(await delays(await arrivalsOf(url, ARRIVAL_SECONDS)));
      theirs.push(await delays(await runPython<number[]>('receive.py', [url, String(ARRIVAL_SECONDS)])));
    }
    const row = (which: string, of: (rounds: number[]) => number[]): Row => {
      const [our, their] = [median(ours.flatMap(of)), median(theirs.flatMap(of))];
      return {
        work: `1 × 1080p25: last packet to ring, median of ${which}`,
        ours: `${our.toFixed(0)} µs`,
        peer: `${their.toFixed(0)} µs (bare receive loop)`,
        value: our / their,
        bar: { max: 2 },
      };
    };
    return [
      row('all pictures', (round) => round),
      row(`the first ${FIRST_PICTURES} pictures`, (round) => round.slice(0, FIRST_PICTURES)),
    ];
  } finally {
    await cameras.stop();
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}
