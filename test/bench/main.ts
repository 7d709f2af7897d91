/**
 * `npm run bench [-- NAME …]`: all promised speeds, as ratios against a peer on the same streams in the same run. Each
 * benchmark measures for BENCH_SECONDS (default 40) after warming up. Those that compare with an earlier commit, `idle-many`
 * and the names that end with `-before`, need BENCH_BEFORE: the folder of a built checkout of that commit. Exits with 1 when
 * a ratio is beyond its limit.
 */
import { benchAnnotate, benchAnnotationQueue } from './annotations.js';
import { benchIdleMany, benchOneBefore } from './before.js';
import { benchFirstFrame, benchInterval, benchKeyframes } from './demand.js';
import { benchMany, benchScaling } from './many.js';
import { benchPassthrough } from './passthrough.js';
import { benchPast } from './history.js';
import { benchClip, benchRecord, benchSegments } from './recording.js';
import { keepJson, meets, printTable, type Row } from './report.js';
import { benchArrival, benchConnect } from './rtsp.js';
import { benchFourLarge, benchFourSmall, benchIdle, benchOne } from './served.js';
import {
  benchAnnotateBefore,
  benchFourSmallBefore,
  benchIdleBefore,
  benchKeyframesBefore,
  benchRecordBefore,
} from './side-by-side.js';
import { benchStreamBgr, benchStreamI420, benchStreamJpeg } from './streams.js';

const BENCHES: Readonly<Record<string, () => Promise<Row[]>>> = {
  idle: benchIdle,
  'idle-many': benchIdleMany,
  connect: benchConnect,
  arrival: benchArrival,
  one: benchOne,
  'idle-before': benchIdleBefore,
  'one-before': benchOneBefore,
  'four-small-before': benchFourSmallBefore,
  'keyframes-before': benchKeyframesBefore,
  'record-before': benchRecordBefore,
  'annotate-before': benchAnnotateBefore,
  'four-small': benchFourSmall,
  'four-large': benchFourLarge,
  keyframes: benchKeyframes,
  interval: benchInterval,
  'first-frame': benchFirstFrame,
  past: benchPast,
  'stream-bgr': benchStreamBgr,
  'stream-i420': benchStreamI420,
  'stream-jpeg': benchStreamJpeg,
  record: benchRecord,
  segments: benchSegments,
  clip: benchClip,
  passthrough: benchPassthrough,
  many: benchMany,
  scaling: benchScaling,
  annotate: benchAnnotate,
  'annotation-queue': benchAnnotationQueue,
};

const chosen = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(BENCHES);
const rows: Row[] = [];
for (const name of chosen) {
  const bench = BENCHES[name];
  if (bench === undefined)
    throw new Error(`There is no bench "${name}". Choose from ${Object.keys(BENCHES).join(', ')}.`);
  process.stderr.write(`Measuring ${name} …\n`);
  rows.push(...(await bench()));
}
printTable(rows);
process.stdout.write(`\nKept in ${keepJson(rows)}\n`);
process.exitCode = rows.every(meets) ? 0 : 1;
