import type { Clock } from '../base/clock.js';
import { HEALTHY_AFTER_MS, mendedAfterMs, retryDelayMs } from './reconnect/backoff.js';
import type { CameraPhase, CameraReason, CameraState } from './types.js';

/**
 * The phase of a camera, its failures and its back-off. Starts neither captures nor timers. Ignores an event that does not fit
 * the phase, such as a late message of a worker that was given up.
 */
export class CameraStateMachine {
  private phase: CameraPhase = 'created';
  private sinceMs: number;
  private reason: CameraReason | undefined;
  private message = '';
  private streak = 0;
  private nextAttemptMs: number | undefined;
  private lastConnectedMs: number | undefined;
  private lastDisconnectedMs: number | undefined;
  /** When the stream last opened, by Clock.monotonicMs. */
  private openedAtMs = 0;
  private opens = 0;
  private failuresAny = 0;
  private failuresSame = 0;
  private failuresSameReason: CameraReason | undefined;
  /** Number of failures by reason. A reason is removed when a stream ran for its `mendedAfterMs`. */
  private readonly kept = new Map<CameraReason, number>();
  private lastFailure = '';

  constructor(
    private readonly clock: Clock,
    private readonly random: () => number = Math.random,
  ) {
    this.sinceMs = clock.nowMs();
  }

  get state(): CameraState {
    const { phase, sinceMs, message, reason, nextAttemptMs, lastConnectedMs, lastDisconnectedMs } = this;
    return {
      phase,
      sinceMs,
      message,
      failingStreak: this.healthy() ? 0 : this.streak,
      ...(reason === undefined ? {} : { reason }),
      ...(nextAttemptMs === undefined ? {} : { nextAttemptMs }),
      ...(lastConnectedMs === undefined ? {} : { lastConnectedMs }),
      ...(lastDisconnectedMs === undefined ? {} : { lastDisconnectedMs }),
    };
  }

  /** Number of times that the stream opened after the first time. */
  get reconnects(): number {
    return Math.max(0, this.opens - 1);
  }

  /** The message of the last failure, '' = none yet. */
  get lastError(): string {
    return this.lastFailure;
  }

  /** A capture begins. Returns false when the phase does not allow it. */
  attempt(): boolean {
    if (this.phase === 'created') this.enter('connecting');
    else if (this.phase !== 'reconnecting') return false;
    this.nextAttemptMs = undefined;
    return true;
  }

  /** The stream is open. */
  opened(): boolean {
    if (!this.attempting()) return false;
    this.enter('running');
    this.reason = undefined;
    this.message = '';
    this.opens += 1;
    this.openedAtMs = this.clock.monotonicMs();
    this.lastConnectedMs = this.clock.nowMs();
    return true;
  }

  /** A capture ended or could not begin. Returns the delay before the next attempt, milliseconds; undefined: none. */
  ended(reason: CameraReason, message: string): number | undefined {
    const wasRunning = this.phase === 'running';
    if (!wasRunning && !this.attempting()) return undefined;
    if (this.healthy()) {
      this.streak = 0;
      this.resetBackoff();
    }
    if (wasRunning) this.forgetMended();
    if (wasRunning) this.lastDisconnectedMs = this.clock.nowMs();
    this.streak += 1;
    this.failuresAny += 1;
    this.failuresSame = this.failuresSameReason === reason ? this.failuresSame + 1 : 1;
    this.failuresSameReason = reason;
    const kept = (this.kept.get(reason) ?? 0) + 1;
    this.kept.set(reason, kept);
    this.reason = reason;
    this.message = message;
    this.lastFailure = message;
    const delayMs = retryDelayMs(reason, { any: this.failuresAny, same: this.failuresSame, kept }, this.random);
    this.enter(delayMs === undefined ? 'failed' : 'reconnecting');
    if (delayMs !== undefined) this.nextAttemptMs = this.clock.nowMs() + delayMs;
    return delayMs;
  }

  /** A capture was stopped because settings changed, and the next one begins at once. */
  reopened(): void {
    if (this.phase === 'running') this.lastDisconnectedMs = this.clock.nowMs();
    else if (!this.attempting()) return;
    this.enter('reconnecting');
    this.reason = undefined;
    this.message = '';
  }

  /** The camera is reachable again: earlier failures no longer count for the back-off. */
  cameBack(): void {
    if (this.phase === 'reconnecting') this.resetBackoff();
  }

  /** A retry is requested: earlier failures no longer count for the back-off. Returns false when no attempt can begin now. */
  retry(): boolean {
    const isWaiting = this.phase === 'reconnecting' && this.nextAttemptMs !== undefined;
    if (!isWaiting && this.phase !== 'failed') return false;
    this.resetBackoff();
    this.kept.clear();
    this.nextAttemptMs = undefined;
    this.enter('reconnecting');
    return true;
  }

  /** The stored definition cannot be used. */
  invalid(message: string): void {
    if (this.phase === 'stopped') return;
    this.enter('failed');
    this.message = message;
    this.lastFailure = message;
    this.nextAttemptMs = undefined;
  }

  /** The camera was stopped for good. */
  stopped(): void {
    if (this.phase === 'stopped') return;
    if (this.phase === 'running') this.lastDisconnectedMs = this.clock.nowMs();
    this.enter('stopped');
    this.reason = undefined;
    this.message = '';
    this.nextAttemptMs = undefined;
  }

  private attempting(): boolean {
    return this.phase === 'connecting' || (this.phase === 'reconnecting' && this.nextAttemptMs === undefined);
  }

  private healthy(): boolean {
    return this.phase === 'running' && this.clock.monotonicMs() - this.openedAtMs >= HEALTHY_AFTER_MS;
  }

  private forgetMended(): void {
    const ranMs = this.clock.monotonicMs() - this.openedAtMs;
    for (const reason of this.kept.keys()) {
      if (ranMs >= mendedAfterMs(reason)) this.kept.delete(reason);
    }
  }

  private resetBackoff(): void {
    this.failuresAny = 0;
    this.failuresSame = 0;
    this.failuresSameReason = undefined;
  }

  private enter(phase: CameraPhase): void {
    if (phase !== this.phase) this.sinceMs = this.clock.nowMs();
    this.phase = phase;
  }
}
