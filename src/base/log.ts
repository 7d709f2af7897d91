import { pino, type DestinationStream, type Logger as PinoLogger } from 'pino';
import { PinoPretty } from 'pino-pretty';
import { isSecretKey, redact } from './redact.js';

export type Logger = PinoLogger;

export interface LogOptions {
  /** `debug` shows all messages from debug on, `release` from info on. */
  readonly mode: 'release' | 'debug';
  /** Default: standard output, as JSON lines, or as text when it is a terminal. */
  readonly stream?: DestinationStream;
}

/** Maximum bytes of the lines that wait for a slow reader of standard output. Further lines are dropped. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
/** Deeper values are shown as an ellipsis. */
const MAX_DEPTH = 8;

/**
 * The only logger of the process; components use `logger.child({ … })`. Secrets are masked in the finished line, as the
 * last step before it is written, so that no message, field or error can avoid the mask.
 */
export function createLogger(options: LogOptions): Logger {
  return pino(
    {
      level: options.mode === 'debug' ? 'debug' : 'info',
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      hooks: { streamWrite: redactLine },
    },
    options.stream ?? standardOutput(),
  );
}

function standardOutput(): DestinationStream {
  if (process.stdout.isTTY) {
    return PinoPretty({ sync: true, colorize: true, translateTime: 'SYS:HH:MM:ss.l' });
  }
  return pino.destination({ dest: 1, sync: false, maxLength: MAX_WAITING_BYTES });
}

/** Masks one JSON line, which includes its line end. */
function redactLine(line: string): string {
  try {
    return `${JSON.stringify(redactDeep(JSON.parse(line), 0))}\n`;
  } catch {
    return `${redact(line.trimEnd())}\n`;
  }
}

function redactDeep(value: unknown, depth: number): unknown {
  if (typeof value === 'string') {
    return redact(value);
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  if (depth >= MAX_DEPTH) {
    return '…';
  }
  if (Array.isArray(value)) {
    return value.map((item) => redactDeep(item, depth + 1));
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, isSecretKey(key) ? '***' : redactDeep(item, depth + 1)]),
  );
}
