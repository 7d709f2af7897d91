import type { Clock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import { RetryLadder } from '../base/retry-ladder.js';
import { CONTROL } from '../gen/ring-layout.js';
import { resolveHost } from '../cameras/source/resolve-host.js';
import type { NativeAddon, RelayHandle, RelayStep } from '../native/types.js';
import { Control } from '../rings/control.js';
import { PacketReader, type PacketFacts } from '../rings/packet-reader.js';
import { whyNotCarried } from './codecs.js';
import type { RelayedPeriod, RelayProgress, RelayWorkerData } from './messages.js';

export interface RelayParts {
  readonly data: RelayWorkerData;
  readonly addon: Pick<NativeAddon, 'openRelay' | 'relayPackets' | 'closeRelay'>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly post: (progress: RelayProgress) => void;
}

const OPEN_TIMEOUT_MS = 10_000;
const STALL_TIMEOUT_MS = 10_000;
/** Maximum delay of a slow server. Beyond it, packets up to the newest keyframe are skipped. */
const MAX_LAG_MS = 5000;
/** When the camera sends nothing for this long, the connection is closed, so that players notice. */
const AWAY_MS = 10_000;
/** How often the ring is read while the camera is away. A new connection of the camera wakes the relay at once. */
const AWAY_PAUSE_MS = 1000;
/** How often the ring is read. Waking for each packet would cost more than sending it. */
const PAUSE_MS = 200;
/** How often messages of the main thread are read while packets are sent. */
const MESSAGES_EVERY_MS = 500;
/** Number of packets that show how a camera reorders its frames. A slow camera gets ORDER_MS to send them. */
const ORDER_PACKETS = 10;
const ORDER_MS = 1000;
const REPORT_MS = 1000;
/** Delays before the next attempt. The jitter spreads the cameras of a server that is available again. */
const RETRY_MS = [500, 1000, 2000, 5000, 10_000, 30_000, 60_000] as const;
const RETRY_JITTER = 0.2;
/** After a connection has accepted packets for this long, the next failure has the first delay again. */
const HEALTHY_MS = 10_000;
const CHANGES_TOO_OFTEN = "The camera's stream changed soon after the connection was made.";

/** Pushes one camera until it is stopped. Blocks while the server is slow. Relay thread. */
export class Relay {
  private readonly control: Control;
  private readonly reader: PacketReader;
  private readonly cancel: Int32Array;
  private periods: readonly RelayedPeriod[];
  private counters: { packets: number; bytes: number; connects: number; lost: number; lastSentMs: number };
  private state: RelayProgress['state'] = 'waiting';
  private message = '';
  private nextAttemptMs: number | undefined;
  private lastError = '';
  private readonly retries: RetryLadder;
  private reportedMs = -Infinity;
  private messagesReadMs = -Infinity;
  /** When the connection last accepted bytes, by the monotonic clock. */
  private acceptedMs = -Infinity;
  private wake: (() => void) | undefined;

  constructor(private readonly parts: RelayParts) {
    const { data } = parts;
    this.control = new Control(data.control);
    this.reader = new PacketReader(data.packetRing);
    this.cancel = new Int32Array(data.cancel);
    this.periods = data.periods;
    this.counters = { ...data.counters };
    const { random } = parts;
    this.retries = new RetryLadder({ stepsMs: RETRY_MS, jitter: RETRY_JITTER, random, healthyMs: HEALTHY_MS });
  }

  usePeriods(periods: readonly RelayedPeriod[]): void {
    this.periods = periods;
    this.wake?.();
  }

  /** Ends a sleep. The caller has set `cancel` before. */
  stop(): void {
    this.wake?.();
  }

  /** Resolves after `cancel` was set. */
  async run(): Promise<void> {
    while (!this.isStopped()) {
      const start = this.start();
      if (start !== undefined) await this.push(start);
      else await this.sleep(this.state === 'impossible' || this.isAway() ? AWAY_PAUSE_MS : PAUSE_MS);
    }
  }

  private isStopped(): boolean {
    return Atomics.load(this.cancel, 0) !== 0;
  }

  /** Begins with the group in progress, so that a player has a picture at once. Undefined: there is no keyframe yet. */
  private start(): { readonly keyframe: PacketFacts; readonly period: RelayedPeriod } | undefined {
    const keyframe = this.reader.read(this.reader.newestKeyframe());
    if (keyframe === undefined || this.isAway()) {
      this.enter('waiting', 'The camera sends nothing at the moment.');
      return undefined;
    }
    const period = this.periodAt(keyframe.sequence);
    // If the connection differs, the message with the period of this packet is still to come.
    if (period?.stream.connection !== keyframe.connection || !this.isOrderKnown(keyframe)) return undefined;
    const why = whyNotCarried(period.stream.codecName);
    if (why === undefined) return { keyframe, period };
    this.enter('impossible', why);
    return undefined;
  }

  /** Whether there are enough packets to see how this camera reorders its frames, or the camera is slow. */
  private isOrderKnown({ connection, arrivalUs }: PacketFacts): boolean {
    const earlier = this.reader.read(this.reader.end() - ORDER_PACKETS);
    return earlier?.connection === connection || this.parts.clock.nowMs() - arrivalUs / 1000 > ORDER_MS;
  }

  private async push({ keyframe, period }: NonNullable<ReturnType<Relay['start']>>): Promise<void> {
    const { addon, data, clock } = this.parts;
    this.enter('connecting', '');
    let handle: RelayHandle | undefined;
    let openedMs = Infinity;
    this.acceptedMs = -Infinity;
    try {
      // Resolved here, because libav would use the system's resolver, which cannot be cancelled.
      const host = new URL(data.url).hostname.replace(/^\[|\]$/g, '');
      const resolution = await resolveHost(host, this.cancel, clock);
      if (resolution.kind === 'stopped') return;
      if (resolution.kind === 'unknown') throw new Error(resolution.message);
      handle = addon.openRelay({
        url: data.url,
        packetRing: new Uint8Array(data.packetRing),
        audioRing: data.audioRing === undefined ? undefined : new Uint8Array(data.audioRing),
        stream: period.stream,
        firstSequence: keyframe.sequence,
        cancel: new Uint8Array(data.cancel),
        openTimeoutMs: OPEN_TIMEOUT_MS,
        stallTimeoutMs: STALL_TIMEOUT_MS,
        maxLagMs: MAX_LAG_MS,
      });
      openedMs = clock.monotonicMs();
      this.counters.connects += 1;
      await this.send(handle, period);
      // A camera whose parameters change with each keyframe must not open a connection for each.
      if (clock.monotonicMs() - openedMs < HEALTHY_MS && !this.isAway()) throw new Error(CHANGES_TOO_OFTEN);
    } catch (error) {
      await this.failed(messageOf(error), this.acceptedMs - openedMs);
    } finally {
      if (handle !== undefined) addon.closeRelay(handle);
    }
  }

  /** Sends until another connection is needed. Throws when the connection fails. */
  private async send(handle: RelayHandle, first: RelayedPeriod): Promise<void> {
    let { connection } = first.stream;
    while (!this.isStopped()) {
      const step = this.parts.addon.relayPackets(handle, connection);
      this.count(step);
      switch (step.end) {
        case 'more':
          await this.readMessages();
          break;
        case 'idle':
          if (this.isAway()) return;
          await this.pause();
          break;
        case 'other_parameters':
          return;
        case 'other_connection': {
          const next = this.periodAt(step.nextSequence);
          const facts = this.reader.read(step.nextSequence);
          if (facts === undefined) return;
          // The message with the period of this packet is still to come.
          if (next?.stream.connection !== facts.connection) await this.sleep(PAUSE_MS);
          else if (isSame(next.stream, first.stream)) ({ connection } = next.stream);
          else return;
        }
      }
    }
  }

  private count({ packets, bytes, lost }: RelayStep): void {
    const { clock } = this.parts;
    this.counters.packets += packets;
    this.counters.bytes += bytes;
    this.counters.lost += lost;
    if (bytes > 0) {
      this.counters.lastSentMs = clock.nowMs();
      this.acceptedMs = clock.monotonicMs();
      if (this.state !== 'streaming') this.enter('streaming', '');
    }
    if (clock.monotonicMs() - this.reportedMs >= REPORT_MS) this.report();
  }

  private async failed(reason: string, lastedMs: number): Promise<void> {
    if (this.isStopped()) return;
    const { clock } = this.parts;
    const delayMs = this.retries.fail(lastedMs);
    this.lastError = reason;
    this.nextAttemptMs = clock.nowMs() + delayMs;
    this.enter('retrying', reason);
    const endMs = clock.monotonicMs() + delayMs;
    while (!this.isStopped() && clock.monotonicMs() < endMs) await this.sleep(endMs - clock.monotonicMs());
    this.nextAttemptMs = undefined;
  }

  private periodAt(sequence: number): RelayedPeriod | undefined {
    return this.periods.findLast(({ fromSequence }) => fromSequence <= sequence);
  }

  private isAway(): boolean {
    const lastMs = this.control.getI64(CONTROL.lastPacketMsI64);
    return lastMs === 0 || this.parts.clock.nowMs() - lastMs > AWAY_MS;
  }

  /** Blocks, which costs a tenth of the CPU time of a timer. */
  private async pause(): Promise<void> {
    Atomics.wait(this.cancel, 0, 0, PAUSE_MS);
    if (this.parts.clock.monotonicMs() - this.messagesReadMs >= MESSAGES_EVERY_MS) await this.readMessages();
  }

  private async readMessages(): Promise<void> {
    await new Promise(setImmediate);
    this.messagesReadMs = this.parts.clock.monotonicMs();
  }

  private async sleep(forMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.parts.clock.after(forMs, resolve);
      this.wake = () => {
        cancel();
        resolve();
      };
    });
    this.wake = undefined;
  }

  private enter(state: RelayProgress['state'], message: string): void {
    if (state === this.state && message === this.message) return;
    this.state = state;
    this.message = message;
    this.report();
  }

  private report(): void {
    this.reportedMs = this.parts.clock.monotonicMs();
    const { state, message, nextAttemptMs, lastError, counters } = this;
    this.parts.post({ state, message, nextAttemptMs, lastError, counters: { ...counters } });
  }
}

/** Whether one FLV header serves both streams. */
function isSame(one: RelayedPeriod['stream'], other: RelayedPeriod['stream']): boolean {
  return (
    one.codecName === other.codecName &&
    Buffer.compare(one.extradata, other.extradata) === 0 &&
    one.width === other.width &&
    one.height === other.height &&
    one.audio?.codecName === other.audio?.codecName &&
    one.audio?.sampleRate === other.audio?.sampleRate &&
    one.audio?.channels === other.audio?.channels
  );
}
