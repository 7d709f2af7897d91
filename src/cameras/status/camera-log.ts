import type { Clock } from '../../base/clock.js';
import type { Logger } from '../../base/log.js';
import { LogRing } from './log-ring.js';
import type { CameraState, LogLine } from '../types.js';

/** Lines of libav that reach the process's log in a window; the camera's own log keeps the others too. */
const MAX_LINES_PER_WINDOW = 20;
const WINDOW_MS = 60_000;
/** A damaged stream has an error with each picture. At most one line in this time is kept; it has the number of the others. */
const ERROR_GAP_MS = 1000;

/** What a camera tells: its last 100 lines, and the process's log without its repetitions. Texts come in masked. */
export class CameraLog {
  private readonly ring = new LogRing();
  private windowEndsMs = 0;
  private linesInWindow = 0;
  private nextErrorMs = 0;
  private errorsLeftOut = 0;
  /** The state that was last told at full level. */
  private lastTold = '';

  constructor(
    private readonly logger: Logger,
    private readonly clock: Clock,
  ) {}

  get lines(): readonly LogLine[] {
    return this.ring.lines;
  }

  own(level: LogLine['level'], text: string): void {
    this.remember(level, text);
    this.logger[level](text);
  }

  /**
   * A line of libav's log. At most one error a second is kept, because a damaged stream makes hundreds. Lines about a
   * running stream reach the process's log up to a limit. Lines about a stream that is being opened do not, because the
   * state that follows says the same better.
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
    // libav calls an error what is an everyday event for a proxy.
    if (this.linesInWindow > MAX_LINES_PER_WINDOW) this.logger.debug(text);
    else if (level === 'info') this.logger.info(text);
    else this.logger.warn(text);
    if (this.linesInWindow === MAX_LINES_PER_WINDOW) {
      this.logger.warn('further lines of libav within this minute are shown in debug mode only');
    }
  }

  /** Undefined: the last error line is too recent, so this one is only counted. */
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

  stateChanged(state: CameraState, maskedUrl: string): void {
    const waiting = state.nextAttemptMs !== undefined;
    switch (state.phase) {
      case 'connecting':
        this.own('info', `connecting to ${maskedUrl}`);
        break;
      case 'running':
        this.lastTold = '';
        this.own('info', 'running');
        break;
      case 'reconnecting':
        if (!waiting) this.own('debug', `trying again: ${maskedUrl}`);
        else this.failure('warn', state, `${sentence(state)} Next attempt in ${secondsUntil(state, this.clock)} s.`);
        break;
      case 'failed':
        this.failure('error', state, `${sentence(state)} It is not tried again.`);
        break;
      case 'stopped':
        this.own('info', 'stopped');
        break;
      case 'created':
        break;
    }
  }

  private failure(level: 'warn' | 'error', state: CameraState, text: string): void {
    this.remember(level, text);
    const told = `${state.phase} ${state.message}`;
    const fields = { reason: state.reason, failingStreak: state.failingStreak };
    if (told === this.lastTold) this.logger.debug(fields, text);
    else this.logger[level](fields, text);
    this.lastTold = told;
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
