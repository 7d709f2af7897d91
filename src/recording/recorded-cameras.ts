import { FollowedCameras } from '../cameras/follow-cameras.js';
import type { Supervisor } from '../cameras/supervisor.js';
import type { Camera } from '../cameras/types.js';
import { PacketReader } from '../rings/packet-reader.js';
import { keepPackets } from '../rings/packet-ring-size.js';
import type { CameraProgress, RecordedPeriod, RecordMessage, ToRecorder } from './messages.js';
import type { RecordingStatus } from './types.js';

export interface RecordedCamerasOptions {
  readonly cameras: Pick<Supervisor, 'list' | 'onEvent'>;
  /** Whether cameras without a setting of their own are recorded. */
  readonly onDisk: boolean;
  /** Number of packets that a ring keeps while its camera is not recorded. */
  readonly packetsInMemory: number;
  readonly segmentMinMs: number;
  /** Sends to the recorder thread. The message is dropped while the thread does not run. */
  readonly send: (message: ToRecorder) => void;
  /** Called before a camera is recorded, so that the thread is started. */
  readonly onNeeded: () => void;
}

/** Number of packets that the ring holds while the disk blocks: 10 s at 25 frames per second. */
const SLACK_PACKETS = 250;
/** When groups are joined, the ring holds two segments. This is enough at 60 frames per second. */
const PACKETS_PER_MS = 2 * 0.06;
const INITIAL_PROGRESS: Omit<CameraProgress, 'id'> = {
  state: 'waiting',
  message: '',
  counters: { segments: 0, bytes: 0, lostGroups: 0, lastSegmentMs: 0 },
};

interface Recorded {
  readonly id: number;
  readonly camera: Camera;
  /** The first packet to record. Undefined: the camera is not recorded. */
  fromSequence: number | undefined;
  /** Undefined: audio is not recorded. */
  audioRing: SharedArrayBuffer | undefined;
  progress: Omit<CameraProgress, 'id'>;
}

/** Decides which cameras are recorded, instructs the recorder thread and keeps its reports. Main thread. */
export class RecordedCameras {
  private readonly followed: FollowedCameras<Recorded>;
  private readonly byId = new Map<number, Recorded>();
  private lastId = 0;

  constructor(private readonly options: RecordedCamerasOptions) {
    this.followed = new FollowedCameras(options.cameras, {
      begin: (camera) => this.follow(camera),
      update: (recorded) => {
        this.update(recorded);
      },
      end: (recorded) => {
        this.end(recorded);
        this.byId.delete(recorded.id);
      },
    });
  }

  start(): void {
    this.followed.start();
  }

  /** Sends all state to a new worker. */
  sendAll(): void {
    for (const recorded of this.byId.values()) {
      recorded.progress = { ...INITIAL_PROGRESS, counters: recorded.progress.counters };
      this.sendRecord(recorded);
    }
  }

  onProgress(cameras: readonly CameraProgress[]): void {
    for (const { id, ...progress } of cameras) {
      const recorded = this.byId.get(id);
      if (recorded !== undefined) recorded.progress = progress;
    }
  }

  /** `outage`: why no camera is recorded; '' = the recorder thread runs. */
  status(name: string, outage: string): RecordingStatus {
    const recorded = this.followed.get(name);
    const { counters, state, message } = recorded?.progress ?? INITIAL_PROGRESS;
    const wanted = recorded !== undefined && this.shouldRecord(recorded.camera);
    if (!wanted) return { wanted, state: 'off', message: '', ...counters };
    if (outage !== '') return { wanted, state: 'failing', message: outage, ...counters };
    const isComing = recorded.camera.state.phase === 'running' && recorded.fromSequence !== undefined;
    return { wanted, state: isComing || state === 'failing' ? state : 'waiting', message, ...counters };
  }

  close(): void {
    this.followed.close();
  }

  private follow(camera: Camera): Recorded {
    const id = ++this.lastId;
    const recorded = { id, camera, fromSequence: undefined, audioRing: undefined, progress: INITIAL_PROGRESS };
    this.byId.set(id, recorded);
    return recorded;
  }

  private update(recorded: Recorded): void {
    const { camera } = recorded;
    const { ring } = camera.packets;
    // The camera's first connection makes the ring. The event 'stream' follows.
    if (ring === undefined) return;
    const wanted = this.shouldRecord(camera);
    keepPackets(ring, wanted ? this.packetsWhileRecorded() : this.options.packetsInMemory);
    // When audio is switched on or off, one recording ends and another begins at the same packet.
    if (!wanted || recorded.audioRing !== audioRingOf(camera)) this.end(recorded);
    if (!wanted) return;
    recorded.audioRing = audioRingOf(camera);
    if (recorded.fromSequence === undefined) this.begin(recorded, ring);
    else this.options.send({ kind: 'periods', id: recorded.id, periods: periodsOf(camera) });
  }

  private begin(recorded: Recorded, ring: SharedArrayBuffer): void {
    const reader = new PacketReader(ring);
    // Called first, so that a thread that starts now does not get this camera twice: from sendAll and from here.
    this.options.onNeeded();
    // Begins with the group in progress. Recording was off for earlier packets.
    recorded.fromSequence = Math.max(reader.newestKeyframe(), reader.first());
    this.sendRecord(recorded);
  }

  private end(recorded: Recorded): void {
    if (recorded.fromSequence === undefined) return;
    recorded.fromSequence = undefined;
    this.options.send({ kind: 'forget', id: recorded.id });
  }

  private sendRecord({ id, camera, audioRing, fromSequence, progress }: Recorded): void {
    const { ring, control } = camera.packets;
    if (fromSequence === undefined || ring === undefined) return;
    const message: RecordMessage = {
      kind: 'record',
      id,
      camera: camera.definition.name,
      packetRing: ring,
      audioRing,
      control,
      fromSequence,
      periods: periodsOf(camera),
      counters: progress.counters,
    };
    this.options.send(message);
  }

  private shouldRecord({ definition, source }: Camera): boolean {
    // A replay plays recordings that already exist.
    return definition.record ?? (this.options.onDisk && source?.kind !== 'replay');
  }

  private packetsWhileRecorded(): number {
    const { packetsInMemory, segmentMinMs } = this.options;
    return Math.max(packetsInMemory, SLACK_PACKETS, Math.ceil(segmentMinMs * PACKETS_PER_MS));
  }
}

function audioRingOf({ definition, packets }: Camera): SharedArrayBuffer | undefined {
  return definition.recordAudio ? packets.audioRing : undefined;
}

function periodsOf(camera: Camera): RecordedPeriod[] {
  return camera.packets.periods.map(({ fromSequence, stream }) => ({
    fromSequence,
    connection: stream.connection,
    codecName: stream.codecName,
    extradata: stream.extradata,
    width: stream.width,
    height: stream.height,
    ...(stream.audio === undefined ? {} : { audio: stream.audio }),
  }));
}
