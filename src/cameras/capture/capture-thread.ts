import { ServiceThread, type ThreadListener } from '../../base/service-thread.js';
import { CONTROL } from '../../gen/ring-layout.js';
import type { NativeAddon } from '../../native/types.js';
import type { Control } from '../../rings/control.js';
import type { Closings, Endpoint } from './closings.js';
import { STOP, type StopReason } from './teardown.js';
import type { FromWorker, OpenMessage, ToWorker, WorkerData } from './worker-messages.js';

export type WakeAddon = Pick<NativeAddon, 'openWake' | 'wake' | 'closeWake'>;

export interface CaptureThreadForm {
  readonly workerUrl: URL;
  /** Shown by tools that list threads. */
  readonly name: string;
  readonly control: Control;
  readonly packetRing: SharedArrayBuffer;
  readonly addon: WakeAddon;
  readonly closings: Closings;
}

/** The options that the caller of `open` gives. */
export type OpenOptions = Omit<OpenMessage['options'], 'wakeFd'>;

/** Megabytes of V8's heap. The worker's JavaScript needs a few; libav's memory and the rings are not part of it. */
const HEAP_MB = { old: 32, young: 2 };

/** A thread that runs one capture after the other, and the means to stop it. Main thread. */
export class CaptureThread {
  private readonly thread: ServiceThread<ToWorker, FromWorker>;
  /** An eventfd that wakes a capture which waits in the kernel; -1 once it is closed. */
  private wakeFd: number;
  /** The endpoint of the current capture; undefined: there is none. */
  private endpoint: Endpoint | undefined;
  /** Ends the entry in `closings` of a capture that was stopped; undefined: there is none. */
  private closed: (() => void) | undefined;

  /** Throws when no memory, no descriptor or no thread is available. */
  constructor(
    private readonly form: CaptureThreadForm,
    listener: ThreadListener<FromWorker>,
  ) {
    this.wakeFd = form.addon.openWake();
    try {
      this.thread = this.start(listener);
    } catch (error) {
      this.closeWake();
      throw error;
    }
  }

  get isCapturing(): boolean {
    return this.endpoint !== undefined;
  }

  /** Begins a capture. The last one must have ended, because it shares the stop flag. */
  open(endpoint: Endpoint, options: OpenOptions, extra: Pick<OpenMessage, 'audioRing' | 'host'>): void {
    this.form.control.setI32(CONTROL.stopI32, STOP.none);
    this.thread.send({ kind: 'open', options: { ...options, wakeFd: this.wakeFd }, ...extra });
    this.endpoint = endpoint;
  }

  /** Stops the capture and does not wait for its end. Until then, other connections to the same camera wait. */
  raiseStop(how: StopReason): void {
    const { control, closings } = this.form;
    if (this.endpoint !== undefined) this.closed ??= closings.begin(this.endpoint);
    control.setI32(CONTROL.stopI32, Math.max(how, control.getI32(CONTROL.stopI32)));
    Atomics.notify(control.i32, CONTROL.stopI32);
    this.wake();
  }

  /** Makes the capture read its demand now, and not with the next packet. */
  wake(): void {
    if (this.wakeFd >= 0) this.form.addon.wake(this.wakeFd);
  }

  /** Ends the thread after its capture. Returns false when it did not end within `graceMs`; it then ends by itself. */
  async end(graceMs: number): Promise<boolean> {
    return await this.thread.end({ kind: 'exit' }, graceMs);
  }

  /** Resolves when the thread has ended. There is no timeout. */
  async whenEnded(): Promise<void> {
    await this.thread.whenEnded();
  }

  private start(listener: ThreadListener<FromWorker>): ServiceThread<ToWorker, FromWorker> {
    const { workerUrl: url, name, control, packetRing } = this.form;
    const data: WorkerData = { control: control.buffer, packetRing };
    return new ServiceThread<ToWorker, FromWorker>(
      { url, name, data, heapMb: HEAP_MB },
      {
        onMessage: (message) => {
          if (message.kind === 'ended') this.captureEnded();
          listener.onMessage(message);
        },
        onGone: (error) => {
          this.captureEnded();
          this.closeWake();
          listener.onGone(error);
        },
      },
    );
  }

  private captureEnded(): void {
    this.endpoint = undefined;
    this.closed?.();
    this.closed = undefined;
  }

  /** Closes the descriptor after the thread has ended. It must not be used afterwards: its number may belong to another file. */
  private closeWake(): void {
    if (this.wakeFd >= 0) this.form.addon.closeWake(this.wakeFd);
    this.wakeFd = -1;
  }
}
