import type { Clock } from '../../base/clock.js';
import type { Logger } from '../../base/log.js';
import { LogRing } from './log-ring.js';
import type { CameraState, LogLine } from '../types.js';

/** Maximum number of libav lines in the process's log per window. Further lines are logged at debug level. */
const MAX_LINES_PER_WINDOW = 20;
const WINDOW_MS = 60_000;
/** Minimum time between two error lines, because a damaged stream causes an error for each picture. */
const ERROR_GAP_MS = 1000;

/** Writes a camera's messages to its own log of 100 lines and, without repetitions, to the process's log. Texts are masked. */
export class CameraLog {
  private readonly ring = new LogRing();
  private windowEndsMs = 0;
  private linesInWindow = 0;
  private nextErrorMs = 0;
  private errorsLeftOut = 0;
  /** Phase and message of the last failure in the process's log above debug level; '' = none since the camera ran. */
  private lastFailure = '';

  constructor(
    private readonly logger: Logger,
    private readonly clock: Clock,
  ) {}

  get lines(): readonly LogLine[] {
    return this.ring.lines;
  }

  /** Adds a line to both logs. */
  own(level: LogLine['level'], text: string): void {
    this.remember(level, text);
    this.logger[level](text);
  }

  /**
   * Adds a line of libav. While the camera runs, at most one error in ERROR_GAP_MS is kept, and at most
   * MAX_LINES_PER_WINDOW lines reach the process's log. While the stream is being opened, no line does, because the message
   * of the following state is clearer.
   */
  fromCapture(level: LogLine['level'], line: string, running: boolean): void {
    const nowMs = this.clock.monotonicMs();
    const text = level === 'error' && running ? this.spacedError(line, nowMs) : line;
    if (text === undefined) return;
    this.remember(level, text);
    if (level === 'debug' || !running) {
      this.logger.debug(text);
      return;
    }
    if (nowMs >= this.windowEndsMs) {
      this.windowEndsMs = nowMs + WINDOW_MS;
      this.linesInWindow = 0;
    }
    this.linesInWindow += 1;
    // An error of libav is an everyday event for a proxy, so it is logged as a warning.
    if (this.linesInWindow > MAX_LINES_PER_WINDOW) this.logger.debug(text);
    else if (level === 'info') this.logger.info(text);
    else this.logger.warn(text);
    if (this.linesInWindow === MAX_LINES_PER_WINDOW) {
      this.logger.warn('Further lines of libav within this minute are logged at debug level only.');
    }
  }

  /** The line with the number of errors that were left out before it. Undefined: this error is left out, too. */
  private spacedError(line: string, nowMs: number): string | undefined {
    if (nowMs < this.nextErrorMs) {
      this.errorsLeftOut += 1;
      return undefined;
    }
    const text = this.errorsLeftOut === 0 ? line : `${line} (and ${this.errorsLeftOut} more errors before this one)`;
    this.nextErrorMs = nowMs + ERROR_GAP_MS;
    this.errorsLeftOut = 0;
    return text;
  }

  /** Logs a new state. A failure that repeats the last one is logged at debug level. */
  stateChanged(state: CameraState, maskedUrl: string): void {
    const isWaiting = state.nextAttemptMs !== undefined;
    switch (state.phase) {
      case 'connecting':
        this.own('info', `Connecting to ${maskedUrl}`);
        break;
      case 'running':
        this.lastFailure = '';
        this.own('info', 'Running');
        break;
      case 'reconnecting':
        if (!isWaiting) this.own('debug', `Connecting again to ${maskedUrl}`);
        else this.failure('warn', state, `${sentence(state)} Next attempt in ${secondsUntil(state, this.clock)} s.`);
        break;
      case 'failed':
        this.failure('error', state, `${sentence(state)} There is no further attempt.`);
        break;
      case 'stopped':
        this.own('info', 'Stopped');
        break;
      case 'created':
        break;
    }
  }

  private failure(level: 'warn' | 'error', state: CameraState, text: string): void {
    this.remember(level, text);
    const failure = `${state.phase} ${state.message}`;
    const fields = { reason: state.reason, failingStreak: state.failingStreak };
    if (failure === this.lastFailure) this.logger.debug(fields, text);
    else this.logger[level](fields, text);
    this.lastFailure = failure;
  }

  private remember(level: LogLine['level'], text: string): void {
    this.ring.add({ timeMs: this.clock.nowMs(), level, text });
  }
}

function sentence({ message }: CameraState): string {
  return /[.!?]$/.test(message) ? message : `${message}.`;
}

function secondsUntil(state: CameraState, clock: Clock): string {
  return (Math.max(0, (state.nextAttemptMs ?? 0) - clock.nowMs()) / 1000).toFixed(1);
}
